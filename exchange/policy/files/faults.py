"""What is wrong with a policy file, where, and the mend: raised at the first fault, or all gathered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from exchange.errors import PolicyInvalid


class Place(NamedTuple):
    """Where a rule stands; the text form `<file>:<line>` is its id in decisions, traces and messages."""

    file: str
    line: int

    def __str__(self) -> str:
        """`<file>:<line>`."""
        return f"{self.file}:{self.line}"


class Severity(StrEnum):
    """An error keeps a policy from being published; a warning is most likely not what its author meant."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Attributes:
        place: the line, or the first line of the rule or table that holds it.
        what: what is wrong.
        mend: what to do about it.
        at: the text at fault as the file spells it; "" for the whole line.
        field: in a CSV line the field that holds it, from 0; -1 to search from the line's beginning.
        severity: error or warning.
    """

    place: Place
    what: str
    mend: str
    at: str = ""
    field: int = -1
    severity: Severity = Severity.ERROR


class Refusal(PolicyInvalid):
    """A fault that was raised."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(f"{fault.place}: {fault.what}", hint=fault.mend)
        self.fault = fault


def refused(place: Place, what: str, mend: str, at: str = "") -> Refusal:
    """The error that names the place, what is wrong there, and how to mend it."""
    return Refusal(Fault(place, what, mend, at))


def in_field(error: Refusal, field: int) -> Refusal:
    """The same error, known to stand in that field of its CSV line."""
    return Refusal(replace(error.fault, field=field))


class Faults:
    """Where loaders hand in what they find.

    The broker loads with `FIRST`, which raises what it is given, so that nothing faulty ever goes further. A
    check gathers: a loader then leaves out what is faulty and reads on.
    """

    def __init__(self, *, gather: bool = True) -> None:
        self._gather = gather
        self._found: dict[Fault, None] = {}

    def add(self, error: PolicyInvalid) -> None:
        """Keep the fault, or raise it."""
        if not self._gather or not isinstance(error, Refusal):
            raise error
        self._found[error.fault] = None

    def warn(self, place: Place, what: str, mend: str, at: str = "") -> None:
        """Keep a warning; whoever loads for the first error does not ask for any."""
        if self._gather:
            self._found[Fault(place, what, mend, at, severity=Severity.WARNING)] = None

    @contextmanager
    def catching(self) -> Iterator[None]:
        """Whatever is refused inside is handed in, and what follows goes on."""
        try:
            yield
        except Refusal as error:
            self.add(error)

    @property
    def found(self) -> tuple[Fault, ...]:
        """Every fault once, by file and line."""
        return tuple(sorted(self._found, key=lambda fault: (fault.place, fault.severity, fault.what)))

    def __len__(self) -> int:
        return len(self._found)


FIRST = Faults(gather=False)
