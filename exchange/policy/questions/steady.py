"""Where two policies cannot differ: told from what a decision reads, without deciding."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from exchange.policy.bundle import Bundle
from exchange.policy.decide import department_term
from exchange.policy.engines.protocol import GrantQuestion
from exchange.policy.files.grants import ACTION
from exchange.policy.questions.matrix import Asked, Asker, Cell


@dataclass(frozen=True, slots=True)
class _Said:
    """What a bundle says of a dataset besides grants and conditions; where it says it does not matter."""

    facts: object
    rules: tuple[object, ...]


class Steady:
    """Compares two policies part by part; each comparison that several cells share is made once."""

    def __init__(self, old: Asker, new: Asker) -> None:
        self._old, self._new = old, new
        self._city = (old.bundle.words, old.bundle.baseline) == (new.bundle.words, new.bundle.baseline)
        self._same_roles = old.bundle.roles.links == new.bundle.roles.links
        self._datasets: dict[str, bool] = {}
        self._grants: dict[str, bool] = {}
        self._conditions: dict[Hashable, bool] = {}

    def may_differ(self, cell: Cell) -> bool:
        """Whether the cell can be answered differently; false only if all that a decision reads is equal."""
        party, dataset, _ = cell
        if not self._city or self._old.alike.terms(party) != self._new.alike.terms(party):
            return True
        if dataset not in self._datasets:
            self._datasets[dataset] = _said(self._old.bundle, dataset) == _said(self._new.bundle, dataset)
        return not self._datasets[dataset] or not self._opens_alike(cell) or not self._conditions_alike(cell)

    def _opens_alike(self, cell: Cell) -> bool:
        party, dataset, purpose = cell
        department = dataset.partition(".")[0]
        if department not in self._grants:
            self._grants[department] = self._same_roles and _grants(self._old.bundle, department) == _grants(
                self._new.bundle, department
            )
        if self._grants[department]:
            return True
        asked = GrantQuestion(party.subject.id, department_term(party.subject), dataset, ACTION, purpose)
        answers = [one.bundle.grants.ask(asked).opened for one in (self._old, self._new)]
        return answers[0] == answers[1]

    def _conditions_alike(self, cell: Cell) -> bool:
        party, dataset, purpose = cell
        department = dataset.partition(".")[0]
        if _texts(self._old.bundle, department) == _texts(self._new.bundle, department):
            return True
        told = [
            (one.alike.told(party, dataset), *one.alike.described(dataset, purpose))
            for one in (self._old, self._new)
        ]
        key = (department, *told)
        if key not in self._conditions:
            states = sorted(self._old.bundle.words.states)
            self._conditions[key] = all(
                _answer(self._old, Asked(*cell, state)) == _answer(self._new, Asked(*cell, state))
                for state in states
            )
        return self._conditions[key]


def _answer(asker: Asker, asked: Asked) -> tuple[object, ...]:
    """What a decision takes from the conditions: what they demand if they open, else nothing at all."""
    answer = asker.conditions(asked)
    if answer is not None and answer.reason == "condition-failed":
        return (object(),)  # equal to nothing, so that deciding tells why
    return (True, *answer.demands) if answer is not None and answer.opened else ()


def _texts(bundle: Bundle, department: str) -> tuple[str, str]:
    part = bundle.parts.get(department)
    own = part.conditions if part is not None else None
    return bundle.rego.text, own.text if own is not None else ""


def _grants(bundle: Bundle, department: str) -> tuple[object, ...]:
    part = bundle.parts.get(department)
    if part is None:
        return ()
    grants = part.grants
    return grants.cells, grants.kinds, grants.groups.links


def _said(bundle: Bundle, dataset: str) -> _Said:
    classified = bundle.classified(dataset)
    rules = tuple(
        (rule.demand, rule.subjects, rule.purposes, rule.valid_from, rule.valid_until, rule.lineage)
        for rule in bundle.obligations(dataset)
    )
    return _Said(classified.facts if classified is not None else None, rules)
