"""Which requests still stand on which revision, so that a revocation, once acknowledged, is total (T31)."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

from exchange.errors import Unavailable
from exchange.policy.bundle import Bundle
from exchange.policy.holder import BundleHolder

WAIT_S = 1.0
WAITING_MAX = 4
"""How long, and by how many requests at once, a revision that is not in force yet is waited for."""


class Standing:
    """A request stands on this bundle for as long as it is in a `with` of it."""

    __slots__ = ("_bundle", "_leave")

    def __init__(self, bundle: Bundle, leave: Callable[[Bundle], None]) -> None:
        self._bundle, self._leave = bundle, leave

    def __enter__(self) -> Bundle:
        return self._bundle

    def __exit__(self, *_: object) -> None:
        self._leave(self._bundle)


class InForce:
    """Hands out the bundle in force, and knows who still works with an older one."""

    def __init__(self, holder: BundleHolder) -> None:
        self._holder = holder
        self._users: Counter[int] = Counter()
        self._changed = threading.Condition()
        self._waiting = 0

    @property
    def revision(self) -> int:
        """The revision in force now."""
        return self._holder.current.revision

    def bundle(self, at_least: int = 0) -> Standing:
        """One revision for one whole request, from the decision until its ticket is signed.

        Args:
            at_least: the revision that the request must not stand below; waited for a moment.

        Raises:
            Unavailable: `revision-not-reached`; nothing was handed out.
        """
        if at_least > self.revision:
            self._await(at_least)
        with self._changed:
            # taken and counted as one act: whoever waits for older ones cannot miss this user
            bundle = self._holder.current
            self._users[bundle.revision] += 1
        return Standing(bundle, self._leave)

    def _leave(self, bundle: Bundle) -> None:
        with self._changed:
            self._users[bundle.revision] -= 1
            if not self._users[bundle.revision]:
                del self._users[bundle.revision]
                self._changed.notify_all()

    def announce(self) -> None:
        """Tell those who wait for it that a newer revision is in force."""
        with self._changed:
            self._changed.notify_all()

    def _await(self, at_least: int) -> None:
        with self._changed:
            # Who demands what nobody has published must not be able to hold every thread of the broker.
            reached = False
            if self._waiting < WAITING_MAX:
                self._waiting += 1
                try:
                    reached = self._changed.wait_for(lambda: self.revision >= at_least, WAIT_S)
                finally:
                    self._waiting -= 1
        if not reached:
            raise Unavailable(
                f"revision {at_least} is not in force; {self.revision} is",
                reason="revision-not-reached",
                hint="exchange policy history shows what was published",
            )

    def wait_for_older(self, revision: int, timeout_s: float) -> bool:
        """Wait until no request works with a revision before this one; False if some still do."""
        with self._changed:
            return self._changed.wait_for(lambda: all(used >= revision for used in self._users), timeout_s)
