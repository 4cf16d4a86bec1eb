"""The bundle in force: one reference, swapped whole; a publication that fails changes nothing (T40)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from exchange.errors import ExchangeError, PolicyInvalid
from exchange.model.dataset import Dataset
from exchange.policy.bundle import Bundle, load
from exchange.policy.engines.choice import HERE, ConditionEngine
from exchange.policy.files.tree import PolicyTree, replace_own

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Held:
    """A checked bundle and the files it was made of."""

    bundle: Bundle
    files: PolicyTree


class BundleHolder:
    """Holds what is in force. Readers take `current` once per request and keep it until they answer."""

    def __init__(self, files: PolicyTree, revision: int, engine: ConditionEngine = HERE) -> None:
        """Load the first bundle; its conditions and those of all later ones run on the engine.

        Raises:
            PolicyInvalid: there is no last good one to keep yet, so nothing starts.
            Unavailable: the engine is down.
        """
        self._engine = engine
        self._held = Held(load(files, revision, engine=engine), dict(files))
        self._publishing = threading.Lock()
        self._alarm = ""

    @property
    def current(self) -> Bundle:
        """The bundle in force."""
        return self._held.bundle

    @property
    def files(self) -> PolicyTree:
        """The files of the bundle in force."""
        return self._held.files

    @property
    def alarm(self) -> str:
        """Why the last publication or reload failed; "" after one that succeeded."""
        return self._alarm

    def publish(
        self,
        department: str,
        files: PolicyTree,
        *,
        schemas: Mapping[str, Dataset] | None = None,
        persist: Callable[[Held], None] | None = None,
    ) -> Bundle:
        """Replace one department's files, or the city's own, under the next revision.

        Args:
            department: whose; the caller has proven that it is the steward's own (T39). Every department's
                part is checked again with the city's.
            files: all of its files, by path below its folder; the city's by path below the root.
            schemas: registered datasets, to prove that the rules fit them.
            persist: makes the revision durable and audited before it takes effect; what it raises ends the
                publication, and the last good bundle keeps serving.

        Raises:
            PolicyInvalid: the first fault in the files.
        """
        with self._publishing:
            changed = self._guarded(lambda: replace_own(self.files, department, files))
            return self._swap(changed, self.current.revision + 1, schemas, persist)

    def reload(
        self,
        files: PolicyTree,
        revision: int,
        *,
        schemas: Mapping[str, Dataset] | None = None,
        persist: Callable[[Held], None] | None = None,
    ) -> Bundle:
        """Replace the whole city's files; the revision must rise (T32).

        Raises:
            PolicyInvalid: an older revision, or the first fault in the files.
        """
        with self._publishing:
            return self._swap(dict(files), revision, schemas, persist)

    def _swap(
        self,
        files: PolicyTree,
        revision: int,
        schemas: Mapping[str, Dataset] | None,
        persist: Callable[[Held], None] | None,
    ) -> Bundle:
        held = self._guarded(lambda: self._prepare(files, revision, schemas))
        if persist is not None:
            self._guarded(lambda: persist(held))
        self._held = held
        self._alarm = ""
        return held.bundle

    def _prepare(self, files: PolicyTree, revision: int, schemas: Mapping[str, Dataset] | None) -> Held:
        if revision <= self.current.revision:
            raise PolicyInvalid(
                f"revision {revision} is not newer than {self.current.revision}",
                hint="to go back, publish the old files under a new revision",
            )
        return Held(load(files, revision, schemas, previous=self.current, engine=self._engine), files)

    def _guarded(self, action: Callable[[], _T]) -> _T:
        try:
            return action()
        except ExchangeError as error:
            self._alarm = str(error)
            raise
        except Exception as error:
            self._alarm = type(error).__name__
            raise
