"""`obligations.toml` of a department: what its granted readers must put up with, and when."""

from __future__ import annotations

import datetime as dt
import difflib
from dataclasses import dataclass
from typing import Any

from pydantic import Field, field_validator

from exchange.model.predicate import Predicate, columns_of
from exchange.policy.effects import Effects
from exchange.policy.files.classification import Classified
from exchange.policy.files.faults import FIRST, Faults, Place, Refusal, refused
from exchange.policy.files.grants import GrantIndex
from exchange.policy.files.toml_source import TomlSource
from exchange.policy.files.vocabulary import Vocabulary

OBLIGATIONS_MAX = 1024
"""Of one department; every decision on its datasets weighs those that speak of it."""


@dataclass(frozen=True, slots=True)
class Demand:
    """One rule's effects, ready to combine, under the id by which decisions and traces name it."""

    id: str
    effects: Effects
    rows: Predicate | None


@dataclass(frozen=True, slots=True)
class ObligationRule:
    """One `[[obligation]]`.

    Attributes:
        demand: what it asks for.
        place: file and line.
        subjects: terms it applies to; empty for everyone.
        purposes: codes it applies to; empty for all.
        valid_from, valid_until: when it is in force, [from, until).
        lineage: the id of the first obligation in its line of succession, its own if it succeeds none.
    """

    demand: Demand
    place: Place
    subjects: frozenset[str]
    purposes: frozenset[str]
    valid_from: dt.datetime | None
    valid_until: dt.datetime | None
    lineage: str

    def matches(self, terms: tuple[str, ...], purpose: str) -> bool:
        """Whether it speaks of a subject with these terms and of this purpose."""
        return (not self.purposes or purpose in self.purposes) and (
            not self.subjects or not self.subjects.isdisjoint(terms)
        )

    def in_force(self, now: dt.datetime) -> bool:
        """Whether it is in force at that time."""
        return (self.valid_from is None or self.valid_from <= now) and (
            self.valid_until is None or now < self.valid_until
        )


class _Entry(Effects):
    id: str = Field(min_length=1, max_length=64, pattern=r"^[\w-]+$")
    note: str = ""
    datasets: list[str] = Field(min_length=1)
    subjects: list[str] = Field(default_factory=list)
    purposes: list[str] = Field(default_factory=list)
    valid_from: dt.datetime | None = None
    valid_until: dt.datetime | None = None
    succeeds: str | None = None

    @field_validator("valid_from", "valid_until")
    @classmethod
    def _with_offset(cls, value: dt.datetime | None) -> dt.datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("a time needs its offset, for example 2026-12-31T16:00:00+08:00")
        return value


def parse_obligations(
    file: str,
    content: bytes,
    *,
    datasets: dict[str, Classified],
    described: frozenset[str] = frozenset(),
    grants: GrantIndex,
    words: Vocabulary,
    faults: Faults = FIRST,
) -> dict[str, tuple[ObligationRule, ...]]:
    """A department's obligations, by dataset. `described` are datasets whose own faults are told already.

    Raises:
        PolicyInvalid: malformed, a duplicate id, or a word, dataset or column that is not known.
    """
    source = TomlSource(file, content, faults)
    for key in sorted(source.content.keys() - {"obligation"}):
        mend = "obligations begin with [[obligation]]"
        faults.add(refused(source.place((key,)), f"unknown key `{key}`", mend, key))
    entries = _entries(source, faults)
    rules: dict[str, list[ObligationRule]] = {}
    for entry, index in entries.values():
        with faults.catching():
            place = source.place(("obligation", index))
            _check_words(entry, place, words, faults)
            rule = _rule(entry, place, file, _lineage(entry, entries, place))
            for dataset in _resolve(entry, source, index, datasets, grants, described):
                _check_columns(rule, entry, datasets[dataset], place, faults)
                rules.setdefault(dataset, []).append(rule)
    return {dataset: tuple(found) for dataset, found in rules.items()}


def _entries(source: TomlSource, faults: Faults) -> dict[str, tuple[_Entry, int]]:
    entries: dict[str, tuple[_Entry, int]] = {}
    listed: Any = source.content.get("obligation", [])
    if not isinstance(listed, list):
        raise refused(source.place(("obligation",)), "`obligation` is a list", "write [[obligation]]")
    if len(listed) > OBLIGATIONS_MAX:
        place = source.place(("obligation", OBLIGATIONS_MAX))
        raise refused(place, f"more than {OBLIGATIONS_MAX} obligations", "let one speak of several datasets")
    for index, raw in enumerate(listed):
        with faults.catching():
            entry = source.read(_Entry, raw, ("obligation", index), faults)
            if entry.id in entries:
                place = source.place(("obligation", index, "id"))
                raise refused(place, f"id {entry.id!r} is taken", "choose another", entry.id)
            entries[entry.id] = (entry, index)
    return entries


def _check_words(entry: _Entry, place: Place, words: Vocabulary, faults: Faults) -> None:
    checks = (
        *((words.check_subject, term) for term in entry.subjects),
        *((words.check_purpose, purpose) for purpose in entry.purposes),
        *((words.check_tag, tag) for tag in entry.mask_tag),
    )
    for check, word in checks:
        try:
            check(word, place)
        except Refusal as error:
            faults.add(error)


def _lineage(entry: _Entry, entries: dict[str, tuple[_Entry, int]], place: Place) -> str:
    seen = {entry.id}
    while entry.succeeds is not None:
        if entry.succeeds not in entries or entry.succeeds in seen:
            raise refused(
                place,
                f"`succeeds` names {entry.succeeds!r}",
                "name an earlier obligation of this file",
                entry.succeeds,
            )
        seen.add(entry.succeeds)
        entry = entries[entry.succeeds][0]
    return entry.id


def _rule(entry: _Entry, place: Place, file: str, lineage: str) -> ObligationRule:
    return ObligationRule(
        demand=Demand(f"{file}#{entry.id}", entry, entry.row_filter),
        place=place,
        subjects=frozenset(entry.subjects),
        purposes=frozenset(entry.purposes),
        valid_from=entry.valid_from,
        valid_until=entry.valid_until,
        lineage=lineage,
    )


def _resolve(
    entry: _Entry,
    source: TomlSource,
    index: int,
    datasets: dict[str, Classified],
    grants: GrantIndex,
    described: frozenset[str],
) -> list[str]:
    """The datasets meant, groups resolved; a name that is neither is an error, not a lost obligation."""
    found: dict[str, None] = {}
    for name in entry.datasets:
        meant = [name] if name in datasets else sorted(grants.groups.members(name) & datasets.keys())
        if not meant and name not in described and not grants.groups.members(name) & described:
            place = source.place(("obligation", index, "datasets"))
            raise refused(
                place, f"unknown dataset {name!r}", "name a dataset or group of this department", name
            )
        found.update(dict.fromkeys(meant))
    return list(found)


def _check_columns(
    rule: ObligationRule, entry: _Entry, dataset: Classified, place: Place, faults: Faults
) -> None:
    named = entry.named_columns() | columns_of(rule.demand.rows)
    for column in sorted(named - dataset.facts.columns.keys()):
        near = difflib.get_close_matches(column, dataset.facts.columns, n=1)
        mend = f"did you mean {near[0]!r}?" if near else "mend its name or classify it"
        faults.add(refused(place, f"{dataset.id} has no classified column {column!r}", mend, column))
