"""The whole matrix of subjects × datasets × purposes × states, as far as a grant opens any of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass, replace

from exchange.model.dataset import Dataset
from exchange.model.obligation import Obligations
from exchange.model.request import ReadRequest
from exchange.policy.bundle import Bundle
from exchange.policy.decide import decide
from exchange.policy.engines.protocol import ConditionAnswer
from exchange.policy.engines.stewards import check_bounds
from exchange.policy.facts import Facts, Outcome, question
from exchange.policy.files.department import DepartmentPart
from exchange.policy.questions.alike import Alike
from exchange.policy.questions.assumed import Schemas
from exchange.policy.questions.parties import Party, member_terms

NO_TRACE = "0" * 32
ANSWERS_MAX = 1 << 17


@dataclass(frozen=True, slots=True)
class Asked:
    """One question: who, what, for which purpose, in which state of the city; no columns asks for all."""

    party: Party
    dataset: str
    purpose: str
    state: str
    columns: tuple[str, ...] = ()
    where: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """How the policy answers: the obligations under which it allows, or None and the reason why not."""

    obligations: Obligations | None
    reason: str

    @property
    def allowed(self) -> bool:
        """Whether data may flow."""
        return self.obligations is not None


class Asker:
    """Asks one bundle as of one moment; every answer is `decide`'s own."""

    def __init__(self, bundle: Bundle, schemas: Schemas, now: dt.datetime) -> None:
        self.bundle, self.schemas, self.now = bundle, schemas, now
        self.alike = Alike(bundle)
        self._answers: dict[Hashable, Answer] = {}

    def ask(self, asked: Asked) -> Answer:
        """The answer to one question; of those that `decide` cannot tell apart the first was put to it."""
        key = (
            *(asked.dataset, asked.purpose, asked.state, asked.columns, asked.where),
            self.alike.reader(asked.party, asked.dataset, asked.purpose),
        )
        known = self._answers.get(key)
        if known is None:
            decision = self.outcome(asked).decision
            if len(self._answers) >= ANSWERS_MAX:
                self._answers.clear()
            known = self._answers[key] = Answer(decision.obligations, decision.reason)
        return known

    def outcome(self, asked: Asked) -> Outcome:
        """The whole outcome, for traces.

        Where the schema is assumed and the demands of Rego do not fit it, it is assumed anew with these in
        mind: only the conditions know them.

        Raises:
            PolicyInvalid: the conditions go beyond all bounds; only on a steward's own machine.
        """
        outcome = decide(self.bundle, self.facts(asked))
        if outcome.decision.reason == "obligation-impossible" and self.schemas.assumes(asked.dataset):
            filed = {rule.demand.id for rule in self.bundle.obligations(asked.dataset)}
            added = [demand for demand in outcome.demands if demand.id not in filed]
            if added:
                schema = self.schemas.of(asked.dataset, added)
                outcome = decide(self.bundle, replace(self.facts(asked), dataset=schema))
        check_bounds(outcome, asked.dataset)
        return outcome

    def conditions(self, asked: Asked) -> ConditionAnswer | None:
        """What the conditions alone answer; None where policies do not speak of the dataset."""
        classified = self.bundle.classified(asked.dataset)
        if classified is None:
            return None
        told = question(self._facts(asked, None), classified, self.alike.terms(asked.party))
        return self.bundle.conditions.ask(asked.dataset.partition(".")[0], told)

    def facts(self, asked: Asked) -> Facts:
        """All that the decision depends on besides the bundle."""
        return self._facts(asked, self.schemas.of(asked.dataset))

    def _facts(self, asked: Asked, schema: Dataset | None) -> Facts:
        request = ReadRequest(
            dataset=asked.dataset,
            purpose=asked.purpose,
            columns=asked.columns,
            where=asked.where,
            trace_id=NO_TRACE,
        )
        return Facts(asked.party.subject, schema, request, "read", self.now, asked.state)


Cell = tuple[Party, str, str]
"""Party, dataset, purpose."""


def opened(bundle: Bundle, parties: Iterable[Party], datasets: Collection[str] | None = None) -> set[Cell]:
    """Every cell that some allowing grant names; all others are refused in whatever state and at any time.

    Args:
        bundle: whose grants.
        parties: whom to consider.
        datasets: which to consider; None for all.
    """
    by_term: dict[str, list[Party]] = {}
    for party in parties:
        for term in member_terms(bundle, party):
            by_term.setdefault(term, []).append(party)
    departments = None if datasets is None else {id_.partition(".")[0] for id_ in datasets}
    return {
        (party, dataset, purpose)
        for name, part in bundle.parts.items()
        if departments is None or name in departments
        for term, dataset, purpose in _allowed(part, by_term, datasets)
        for party in by_term[term]
    }


def _allowed(
    part: DepartmentPart, terms: Iterable[str], datasets: Collection[str] | None
) -> Iterator[tuple[str, str, str]]:
    meant: dict[str, list[str]] = {}
    for id_ in part.datasets if datasets is None else part.datasets.keys() & set(datasets):
        for name in part.grants.groups.terms(id_):
            meant.setdefault(name, []).append(id_)
    for term in terms:
        for name in part.grants.objects.get(term, frozenset()) & meant.keys():
            rules = part.grants.rules.get((name, term), ())
            for purpose in {rule.purpose for rule in rules if rule.effect == "allow"}:
                yield from ((term, id_, purpose) for id_ in meant[name])
