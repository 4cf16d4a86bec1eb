"""A department's grants, found by what they speak of instead of by reading them all.

A city can have a million grants, and each costs memory for as long as its bundle is held. One is therefore
kept as a whole number (its line, and which action, purpose and effect it has) under its dataset and subject,
and becomes a `Grant` only when it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from exchange.policy.files.faults import Place
from exchange.policy.files.hierarchy import Hierarchy

Cell = int | tuple[int, ...]
Cells = dict[str, dict[str, Cell]]
"""dataset or group -> subject term -> `line << KIND_BITS | kind`, a tuple of them where there are several."""

KIND_BITS = 20
KINDS_MAX = 1 << KIND_BITS
_KIND = KINDS_MAX - 1


class Grant(NamedTuple):
    """One `p` line, in the order of the model's policy definition."""

    subject: str
    object: str
    action: str
    purpose: str
    effect: str
    place: Place


class Kind(NamedTuple):
    """What a grant says of the reading itself."""

    action: str
    purpose: str
    effect: str


@dataclass(frozen=True)
class GrantIndex:
    """Immutable, shared between threads and between bundles.

    Attributes:
        file: where the grants stand.
        cells: dataset or group -> subject term -> packed grants.
        kinds: action, purpose and effect, by number.
        groups: dataset -> dataset group.
    """

    file: str
    cells: Cells
    kinds: tuple[Kind, ...]
    groups: Hierarchy

    @classmethod
    def of(cls, grants: Iterable[Grant], groups: Hierarchy) -> GrantIndex:
        """Index grants of one file."""
        cells: Cells = {}
        kinds: dict[Kind, int] = {}
        file = ""
        for subject, named, action, purpose, effect, (file, line) in grants:  # noqa: B007 -- one file for all
            kind = kinds.setdefault(Kind(action, purpose, effect), len(kinds))
            put(cells.setdefault(named, {}), subject, line, kind)
        return cls(file, cells, tuple(kinds), groups)

    def find(self, objects: Iterable[str], terms: Iterable[str], action: str, purpose: str) -> list[Grant]:
        """The grants that name one of the objects, one of the terms, the action and the purpose."""
        found: list[Grant] = []
        terms = tuple(terms)
        for named in objects:
            by_subject = self.cells.get(named)
            for term in terms if by_subject else ():
                cell = by_subject.get(term) if by_subject else None
                for packed in () if cell is None else unpacked(cell):
                    kind = self.kinds[packed & _KIND]
                    if kind.purpose == purpose and kind.action == action:
                        found.append(self._grant(term, named, packed))
        return found

    def names(self, objects: Iterable[str], terms: Iterable[str]) -> bool:
        """Whether some grant names one of the objects and one of the terms."""
        terms = tuple(terms)
        rows = [self.cells[named] for named in objects if named in self.cells]
        return any(term in row for row in rows for term in terms)

    @property
    def rules(self) -> Mapping[tuple[str, str], tuple[Grant, ...]]:
        """(dataset or group, subject term) -> the grants that name both."""
        return _Rules(self)

    @property
    def count(self) -> int:
        """How many grants there are."""
        return sum(len(unpacked(cell)) for row in self.cells.values() for cell in row.values())

    @cached_property
    def objects(self) -> Mapping[str, frozenset[str]]:
        """Subject term -> the datasets and groups it is named with; made when first asked for."""
        found: dict[str, set[str]] = {}
        for named, row in self.cells.items():
            for term in row:
                found.setdefault(term, set()).add(named)
        return {term: frozenset(named) for term, named in found.items()}

    def __iter__(self) -> Iterator[Grant]:
        """Every grant, by what it names and whom."""
        for named, row in self.cells.items():
            for term, cell in row.items():
                yield from self._grants(term, named, cell)

    def _grants(self, term: str, named: str, cell: Cell) -> tuple[Grant, ...]:
        return tuple(self._grant(term, named, packed) for packed in unpacked(cell))

    def _grant(self, term: str, named: str, packed: int) -> Grant:
        return Grant(term, named, *self.kinds[packed & _KIND], Place(self.file, packed >> KIND_BITS))


class _Rules(Mapping[tuple[str, str], tuple[Grant, ...]]):
    """The index as a mapping; grants are made as they are looked at."""

    def __init__(self, index: GrantIndex) -> None:
        self._index = index

    def __getitem__(self, key: tuple[str, str]) -> tuple[Grant, ...]:
        named, term = key
        return self._index._grants(term, named, self._index.cells[named][term])  # noqa: SLF001 -- its other face

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return ((named, term) for named, row in self._index.cells.items() for term in row)

    def __len__(self) -> int:
        return sum(map(len, self._index.cells.values()))


def unpacked(cell: Cell) -> tuple[int, ...]:
    """The numbers of a cell."""
    return (cell,) if isinstance(cell, int) else cell


def put(row: dict[str, Cell], subject: str, line: int, kind: int) -> int:
    """Add a grant to a row; the line of an equal one that was there, or 0."""
    packed = line << KIND_BITS | kind
    there = row.get(subject)
    if there is None:
        row[subject] = packed
        return 0
    for other in unpacked(there):
        if other & _KIND == kind:
            return other >> KIND_BITS
    row[subject] = (*unpacked(there), packed)
    return 0
