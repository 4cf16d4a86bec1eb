"""Questions that one decision answers: what `decide` cannot tell apart is asked once.

Of who asks, a decision reads four things and no more: the department (owner or not, scope of pseudonyms), the
terms that some grant on the dataset names, which obligations speak of these terms, and what the conditions
look at. Seven systems that a department's grant lets in alike are therefore one question.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from typing import Any

from exchange.model.canonical import JsonValue
from exchange.model.subject import Subject
from exchange.policy.bundle import Bundle
from exchange.policy.files.vocabulary import ROLE
from exchange.policy.questions.parties import Party, member_terms


class Alike:
    """Tells the questions to one bundle apart exactly as far as its decisions can."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._terms: dict[str, tuple[str, ...]] = {}
        self._rows: dict[str, tuple[Mapping[str, Any], ...]] = {}
        self._told: dict[tuple[str, frozenset[str | None]], str] = {}
        self._described: dict[str, str] = {}
        self._looks: dict[str, dict[str, frozenset[str | None]]] = {}

    def terms(self, party: Party) -> tuple[str, ...]:
        """The terms by which grants can mean the party."""
        known = self._terms.get(party.subject.id)
        if known is None:
            known = self._terms[party.subject.id] = member_terms(self._bundle, party)
        return known

    def reader(self, party: Party, dataset: str, purpose: str) -> Hashable:
        """All that a decision on this dataset for this purpose can know of the party."""
        terms = self.terms(party)
        rows = self._rows.get(dataset)
        if rows is None:
            rows = self._rows[dataset] = self._rows_of(dataset)
        named = tuple(term for term in terms if any(term in row for row in rows))
        rules = self._bundle.obligations(dataset)
        spoken = tuple(rule.matches(terms, purpose) for rule in rules)
        return party.subject.department, named, spoken, self.told(party, dataset)

    def told(self, party: Party, dataset: str) -> str:
        """What the conditions on the dataset look at of the party."""
        looks = self._looked(dataset, "subject")
        key = (party.subject.id, looks)
        known = self._told.get(key)
        if known is None:
            seen = _looked_at(_subject(party.subject, self.terms(party)), looks)
            known = self._told[key] = json.dumps(seen, sort_keys=True)
        return known

    def described(self, dataset: str, purpose: str) -> tuple[str, str]:
        """What the conditions look at of the dataset, and of the purpose: "" if they do not."""
        known = self._described.get(dataset)
        if known is None:
            classified = self._bundle.classified(dataset)
            attributes = {} if classified is None else classified.attributes
            seen = _looked_at(attributes, self._looked(dataset, "dataset"))
            known = self._described[dataset] = json.dumps(seen, sort_keys=True)
        return known, purpose if self._looked(dataset, "purpose") else ""

    def _looked(self, dataset: str, part: str) -> frozenset[str | None]:
        """The names below this part of the input that the conditions read; None among them: all of it."""
        department = dataset.partition(".")[0]
        known = self._looks.get(department)
        if known is None:
            own = self._bundle.parts.get(department)
            modules = (self._bundle.rego, own.conditions if own is not None else None)
            paths = [path for module in modules if module is not None for path in module.reads]
            known = self._looks[department] = {
                name: frozenset(
                    path[1] if len(path) > 1 else None for path in paths if not path or path[0] == name
                )
                for name in ("subject", "dataset", "purpose")
            }
        return known[part]

    def _rows_of(self, dataset: str) -> tuple[Mapping[str, Any], ...]:
        part = self._bundle.parts.get(dataset.partition(".")[0])
        if part is None:
            return ()
        cells = part.grants.cells
        return tuple(cells[name] for name in part.grants.groups.terms(dataset) if name in cells)


def _subject(subject: Subject, terms: tuple[str, ...]) -> dict[str, JsonValue]:
    """As `facts.question` tells conditions of it."""
    roles: list[JsonValue] = [term.removeprefix(ROLE) for term in terms if term.startswith(ROLE)]
    return {
        "id": subject.id,
        "department": subject.department,
        "kind": subject.kind.value,
        "name": subject.name,
        "roles": roles,
    }


def _looked_at(whole: Mapping[str, JsonValue], looks: frozenset[str | None]) -> JsonValue:
    if None in looks:
        return dict(whole)
    return {name: whole.get(name) for name in looks if name is not None}
