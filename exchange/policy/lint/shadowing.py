"""Grants that change nothing: an allow that a deny always overrides, a line that a wider one says already."""

from __future__ import annotations

from collections.abc import Iterator

from exchange.model.subject import Kind as Being
from exchange.model.subject import Subject
from exchange.policy.files.department import DepartmentPart
from exchange.policy.files.faults import Faults, Place, refused
from exchange.policy.files.grant_index import KIND_BITS, KINDS_MAX, Cell, GrantIndex, Kind, unpacked
from exchange.policy.files.hierarchy import Hierarchy
from exchange.policy.files.vocabulary import DEPARTMENT, ROLE, SYSTEM, Vocabulary

_KIND = KINDS_MAX - 1
Row = dict[str, Cell]


class Closure:
    """What a subject term inherits from, itself included: as Casbin sees it when the subject asks."""

    def __init__(self, roles: Hierarchy, words: Vocabulary) -> None:
        self._roles, self._words = roles, words
        self._known: dict[str, tuple[str, ...]] = {}
        self._players: dict[str, frozenset[str]] = {}

    def of(self, term: str) -> tuple[str, ...]:
        """The term, for a system also its department, and all roles of these."""
        found = self._known.get(term)
        if found is None:
            own = (term, *_department(term, self._words))
            found = self._known[term] = self._roles.terms(*own)
        return found

    def players(self, term: str) -> frozenset[str]:
        """The term and every declared name that inherits from it."""
        if term not in self._players:
            self._players[term] = frozenset({term, *self._roles.members(term)})
        return self._players[term]

    def overlap(self, one: str, other: str) -> bool:
        """Whether some system can be both."""
        return any(one in self.of(player) for player in self.players(other)) or any(
            other in self.of(player) for player in self.players(one)
        )


def _department(term: str, words: Vocabulary) -> tuple[str, ...]:
    if not term.startswith(SYSTEM):
        return ()
    subject = Subject.parse(term, words.trust_domain)
    return (f"{DEPARTMENT}{subject.department}",) if subject.kind is Being.SYSTEM else ()


def check_shadowing(part: DepartmentPart, closure: Closure, faults: Faults) -> None:
    """Hand in every allow that never takes effect, and warn of every one that adds nothing."""
    grants = part.grants
    for named, row in grants.cells.items():
        rows = [grants.cells[name] for name in grants.groups.terms(named) if name in grants.cells]
        for term, cell in row.items():
            terms = closure.of(term)
            if len(rows) == 1 and isinstance(cell, int) and row.keys().isdisjoint(terms[1:]):
                continue
            others = [packed for one in rows for t in terms if t in one for packed in unpacked(one[t])]
            for packed in _allows(grants.kinds, cell):
                _judge(grants, packed, others, term, faults)
        _check_roles(grants, row, rows, closure, faults)


def _check_roles(grants: GrantIndex, row: Row, rows: list[Row], closure: Closure, faults: Faults) -> None:
    """An allow for a role is as good as none if each of its players is denied by another line."""
    denies = {number for number, kind in enumerate(grants.kinds) if kind.effect == "deny"}
    denied = {
        (grants.kinds[packed & _KIND][:2], term): packed >> KIND_BITS
        for one in rows
        for term, cell in one.items()
        for packed in ((cell,) if isinstance(cell, int) else cell)
        if packed & _KIND in denies
    }
    for term in sorted(term for term in row if denied and term.startswith(ROLE)):
        players = [name for name in closure.players(term) if not name.startswith(ROLE)]
        for packed in _allows(grants.kinds, row[term]):
            said = grants.kinds[packed & _KIND][:2]
            lines = [_first(denied, said, closure.of(player)) for player in players]
            if lines and all(lines) and not _first(denied, said, closure.of(term)):
                what = f"the line never takes effect: line {lines[0]} denies whoever plays {term}"
                place = Place(grants.file, packed >> KIND_BITS)
                faults.add(refused(place, what, "remove the line that is not meant", term))


def _first(
    denied: dict[tuple[tuple[str, str], str], int], said: tuple[str, str], terms: tuple[str, ...]
) -> int:
    return next((denied[said, term] for term in terms if (said, term) in denied), 0)


def _allows(kinds: tuple[Kind, ...], cell: Cell) -> Iterator[int]:
    return (packed for packed in unpacked(cell) if kinds[packed & _KIND].effect == "allow")


def _judge(grants: GrantIndex, packed: int, others: list[int], term: str, faults: Faults) -> None:
    kind = grants.kinds[packed & _KIND]
    place = Place(grants.file, packed >> KIND_BITS)
    same = [
        (grants.kinds[other & _KIND].effect, other >> KIND_BITS)
        for other in others
        if other != packed and grants.kinds[other & _KIND][:2] == kind[:2]
    ]
    denied = [line for effect, line in same if effect == "deny"]
    wider = [line for effect, line in same if effect == "allow"]
    if denied:
        what = f"the line never takes effect: line {denied[0]} denies it"
        faults.add(refused(place, what, "remove the line that is not meant"))
    elif wider:
        what = f"the line adds nothing: line {wider[0]} allows it already"
        faults.warn(place, what, "remove it: who revokes one would leave the other", term)
