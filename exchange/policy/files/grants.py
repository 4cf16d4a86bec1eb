"""`grants.csv`: the lines that Casbin judges by, each with its file and line."""

from __future__ import annotations

import difflib
import gc
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from exchange.errors import RequestInvalid
from exchange.model.dataset import check_dataset_id
from exchange.policy.files.faults import FIRST, Faults, Place, Refusal, in_field, refused
from exchange.policy.files.grant_index import KINDS_MAX, Cell, Cells, Grant, GrantIndex, Kind, put
from exchange.policy.files.hierarchy import Hierarchy, Link
from exchange.policy.files.roles import ROLES_FILE, parse_roles
from exchange.policy.files.source import csv_fields, decode
from exchange.policy.files.vocabulary import Vocabulary

__all__ = ["ACTION", "EFFECTS", "ROLES_FILE", "Grant", "GrantIndex", "own", "parse_grants", "parse_roles"]

ACTION = "read"
EFFECTS = frozenset({"allow", "deny"})
_GRANT_FIELDS = 6


def parse_grants(
    file: str,
    content: bytes,
    *,
    department: str,
    datasets: frozenset[str],
    words: Vocabulary,
    faults: Faults = FIRST,
) -> GrantIndex:
    """A department's `p` and `g2` lines.

    Raises:
        PolicyInvalid: anything that Casbin would skip or misread, and whatever is not the department's own.
    """
    reader = _Reader(file, department, words, faults)
    with _collector_paused():
        reader.read(decode(file, content, faults))
    groups = Hierarchy(reader.links, faults)
    reader.check_objects(datasets)
    return GrantIndex(file, reader.cells, tuple(reader.kinds), groups)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Millions of new objects, none of them garbage: looking for circles among them triples the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class _Reader:
    """Reads line by line. A field that was once found sound is looked up, not checked again."""

    def __init__(self, file: str, department: str, words: Vocabulary, faults: Faults) -> None:
        self.cells: Cells = {}
        self.kinds: dict[Kind, int] = {}
        self.links: list[Link] = []
        self._first: dict[str, Place] = {}
        self._file, self._department, self._words, self._faults = file, department, words, faults
        self._subjects: dict[str, str] = {}
        self._rows: dict[str, dict[str, Cell]] = {}
        self._ends: dict[str, int] = {}

    def read(self, text: str) -> None:
        subjects, rows, ends = self._subjects, self._rows, self._ends
        for number, line in enumerate(text.split("\n"), start=1):
            fields = line.split(",", 3)
            # The raw texts of all but the first field are known to be sound once a line with them was.
            try:
                subject, row, kind = subjects[fields[1]], rows[fields[2]], ends[fields[3]]
            except (IndexError, KeyError):
                subject, kind = "", 0
            if not subject or fields[0] != "p":
                with self._faults.catching():
                    self._read_carefully(Place(self._file, number), line, fields)
            elif first := put(row, subject, number, kind):
                self._repeated(Place(self._file, number), first)

    def _repeated(self, place: Place, first: int) -> None:
        self._faults.add(
            refused(place, f"the line repeats line {first}", "remove one, or revoking fails"),
        )

    def _read_carefully(self, place: Place, line: str, raw: list[str]) -> None:
        fields = csv_fields(place, line)
        if not fields:
            return
        match fields[0]:
            case "p":
                self._grant(place, fields, raw)
            case "g2":
                self.links.append(_group_link(fields, place, self._department))
            case "g":
                raise refused(place, "only the city defines roles", f"ask for it in {ROLES_FILE}", "g")
            case other:
                raise refused(place, f"unknown kind of line {other!r}", "lines begin with p or g2", other)

    def _grant(self, place: Place, fields: list[str], raw: list[str]) -> None:
        if len(fields) != _GRANT_FIELDS:
            mend = "p, subject, dataset, read, purpose, allow or deny"
            raise refused(place, f"the line has {len(fields)} fields", mend)
        _, subject, named, action, purpose, effect = fields
        before = len(self._faults)
        for field, check in enumerate(self._checks(fields, place)):
            try:
                check()
            except Refusal as error:
                self._faults.add(in_field(error, field + 1))
        if len(self._faults) > before:
            return
        row = self._rows[raw[2]] = self.cells.setdefault(named, {})
        subject = self._subjects.setdefault(raw[1], subject)
        kind = self._ends[raw[3]] = self.kinds.setdefault(Kind(action, purpose, effect), len(self.kinds))
        if len(self.kinds) > KINDS_MAX:
            raise refused(place, f"more than {KINDS_MAX:,} kinds of grants", "grant for fewer purposes")
        self._first.setdefault(named, place)
        if first := put(row, subject, place.line, kind):
            self._repeated(place, first)

    def _checks(self, fields: list[str], place: Place) -> tuple[Callable[[], object], ...]:
        """One for each field, so that a line with two faults tells of both."""
        _, subject, named, action, purpose, effect = fields
        return (
            lambda: self._words.check_subject(subject, place),
            lambda: own(named, self._department, place),
            lambda: _one_of(action, {ACTION}, "action", f"the only action is {ACTION}", place),
            lambda: self._words.check_purpose(purpose, place),
            lambda: _one_of(effect, EFFECTS, "effect", "write allow or deny, in lower case", place),
        )

    def check_objects(self, datasets: frozenset[str]) -> None:
        """Hand in links and grants that name what nobody described."""
        groups = {link.parent for link in self.links}
        for link in self.links:
            if link.parent in datasets:
                mend = "name the group otherwise"
                what = f"{link.parent!r} is a dataset, not a group"
                self._faults.add(refused(link.place, what, mend, link.parent))
            if link.child not in datasets and link.child not in groups:
                self._faults.add(_unknown(link.child, link.place, datasets))
        for named, place in self._first.items():
            if named not in datasets and named not in groups:
                self._faults.add(_unknown(named, place, {*datasets, *groups}))


def _one_of(word: str, known: Collection[str], kind: str, mend: str, place: Place) -> None:
    if word not in known:
        raise refused(place, f"unknown {kind} {word!r}", mend, word)


def _unknown(name: str, place: Place, known: Collection[str]) -> Refusal:
    near = difflib.get_close_matches(name, known, n=1)
    mend = "describe it in datasets.toml" + (f", or did you mean {near[0]!r}?" if near else "")
    return refused(place, f"unknown dataset {name!r}", mend, name)


def _group_link(fields: list[str], place: Place, department: str) -> Link:
    if len(fields) != len(Link._fields):
        raise refused(place, f"the line has {len(fields)} fields", "g2, dataset, group")
    return Link(own(fields[1], department, place), own(fields[2], department, place), place)


def own(name: str, department: str, place: Place) -> str:
    """The dataset or group name itself, if it is well-formed and the department's own.

    Raises:
        PolicyInvalid: it is neither: a department speaks of its own datasets only (T28, T39).
    """
    try:
        check_dataset_id(name)
    except RequestInvalid:
        raise refused(
            place, f"{name!r} is not a dataset id", f"write {department}.<name>, no patterns", name
        ) from None
    if name.partition(".")[0] != department:
        raise refused(
            place,
            f"{name!r} is not {department}'s own",
            "a department's files speak of its own datasets only",
            name,
        )
    return name
