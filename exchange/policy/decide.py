"""The policy decision point (PDP, step 3): pure, total, and shut unless every step opens it.

declared purpose → grants gate → conditions gate → obligations → does the request fit
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from exchange.model.dataset import Dataset
from exchange.model.decision import Decision, Effect
from exchange.model.obligation import Obligations
from exchange.model.predicate import Predicate
from exchange.model.subject import Subject
from exchange.policy.bundle import Bundle
from exchange.policy.combine import Impossible, Reader
from exchange.policy.combined import Parts, combined
from exchange.policy.engines.protocol import GrantQuestion
from exchange.policy.facts import ACTIONS, Facts, Outcome, Step, question
from exchange.policy.files.classification import Classified
from exchange.policy.files.grants import ACTION
from exchange.policy.files.rules import Demand, ObligationRule
from exchange.policy.files.vocabulary import DEPARTMENT, SYSTEM
from exchange.policy.fit import Unfit, fit

HIDDEN = "not-granted"
"""The one public reason for all that would betray whether a dataset, grant or condition exists (T56)."""


class _Denied(Exception):
    """Carries a refusal to `decide`; never leaves this module."""

    def __init__(self, reason: str, *, public: str = HIDDEN, message: str = "") -> None:
        super().__init__(reason)
        self.reason, self.public, self.message = reason, public, message


@dataclass
class _Trace:
    """The steps so far; the rules of a decision are all that spoke in them."""

    steps: list[Step] = field(default_factory=list)
    demands: tuple[Demand, ...] = ()

    def note(self, name: str, *, passed: bool, rules: Sequence[str] = (), why: str = "") -> None:
        self.steps.append(Step(name, passed, tuple(rules), why))

    @property
    def rules(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(rule for step in self.steps for rule in step.rules))


def decide(bundle: Bundle, facts: Facts) -> Outcome:
    """Allow with obligations, or deny with a reason; never raises.

    Reasons: granted; purpose-undeclared, state-undeclared, dataset-unknown, no-grant, grant-denied,
    condition-not-met, condition-denied, condition-failed, dataset-unregistered, obligation-not-in-force,
    obligation-impossible, column-unknown, predicate-invalid, policy-error. Public: granted, column-unknown,
    predicate-invalid and connector-unavailable (only once the gates opened), `not-granted` for all else.
    """
    trace = _Trace()
    try:
        obligations, where = _decide(bundle, facts, trace)
    except _Denied as denied:
        decision = Decision(
            effect=Effect.DENY,
            reason=denied.reason,
            public_reason=denied.public,
            message=denied.message,
            rules=trace.rules,
            revision=bundle.revision,
        )
        return Outcome(decision, None, tuple(trace.steps), trace.demands)
    except Exception as error:  # noqa: BLE001 -- whatever goes wrong in here, the answer is no (T30)
        trace.note("fault", passed=False, why=type(error).__name__)
        decision = Decision(
            effect=Effect.DENY, reason="policy-error", public_reason=HIDDEN, revision=bundle.revision
        )
        return Outcome(decision, None, tuple(trace.steps), trace.demands)
    decision = Decision(
        effect=Effect.ALLOW,
        reason="granted",
        public_reason="granted",
        rules=trace.rules,
        obligations=obligations,
        revision=bundle.revision,
    )
    return Outcome(decision, where, tuple(trace.steps), trace.demands)


def _decide(bundle: Bundle, facts: Facts, trace: _Trace) -> tuple[Obligations, Predicate | None]:
    terms = _identify(bundle, facts)
    _check_declared(bundle, facts, trace)
    classified = _pass_grants(bundle, facts, trace)
    added = _pass_conditions(bundle, facts, classified, terms, trace)
    dataset = _registered(facts, trace)
    trace.demands = demands = (*_in_force(bundle, facts, terms, trace), *added)
    whole = _combine(bundle, facts, dataset, classified, demands, trace)
    return _fit(facts, dataset, whole, trace)


def _identify(bundle: Bundle, facts: Facts) -> tuple[str, ...]:
    """The subject's terms. Only a whole SPIFFE id is a subject: a name alone could be a role's (T5, T27)."""
    if not facts.subject.id.startswith(SYSTEM) or not facts.subject.department:
        raise _Denied("no-grant")
    if facts.action not in ACTIONS or facts.now.tzinfo is None:
        raise ValueError("the facts are incomplete")
    if facts.dataset is not None and facts.dataset.id != facts.request.dataset:
        raise ValueError("the facts speak of another dataset than the request")
    return bundle.grants.terms(facts.subject.id, department_term(facts.subject))


def _check_declared(bundle: Bundle, facts: Facts, trace: _Trace) -> None:
    declared = facts.request.purpose in bundle.words.purposes
    trace.note("purpose", passed=declared, why=facts.request.purpose if declared else "not declared")
    if not declared:
        raise _Denied("purpose-undeclared")
    if facts.state not in bundle.words.states:
        raise _Denied("state-undeclared")


def _pass_grants(bundle: Bundle, facts: Facts, trace: _Trace) -> Classified:
    request = facts.request
    asked = GrantQuestion(
        facts.subject.id, department_term(facts.subject), request.dataset, ACTION, request.purpose
    )
    answer = bundle.grants.ask(asked)
    classified = bundle.classified(request.dataset)
    opened = answer.opened and classified is not None
    trace.note("grants", passed=opened, rules=[str(rule.place) for rule in answer.rules])
    if classified is None:
        raise _Denied("dataset-unknown")
    if not opened:
        raise _Denied("grant-denied" if answer.rules else "no-grant")
    return classified


def _pass_conditions(
    bundle: Bundle, facts: Facts, classified: Classified, terms: tuple[str, ...], trace: _Trace
) -> tuple[Demand, ...]:
    department = facts.request.dataset.partition(".")[0]
    answer = bundle.conditions.ask(department, question(facts, classified, terms))
    trace.note("conditions", passed=answer.opened, rules=answer.rules, why=answer.detail)
    if not answer.opened:
        raise _Denied(answer.reason or "condition-failed")
    return answer.demands


def _registered(facts: Facts, trace: _Trace) -> Dataset:
    if facts.dataset is None:
        trace.note("registration", passed=False, why="no connector has registered the dataset")
        raise _Denied(
            "dataset-unregistered",
            public="connector-unavailable",
            message="no connector serves the dataset at the moment",
        )
    return facts.dataset


def _in_force(bundle: Bundle, facts: Facts, terms: tuple[str, ...], trace: _Trace) -> tuple[Demand, ...]:
    """The department's obligations that act now.

    Obligations only narrow, so one that is not in force must not simply fall away: that would widen. What it
    covers is refused, unless another of the same line of succession is in force.
    """
    matching = [
        rule
        for rule in bundle.obligations(facts.request.dataset)
        if rule.matches(terms, facts.request.purpose)
    ]
    acting = [rule for rule in matching if rule.in_force(facts.now)]
    lapsed = [rule for rule in matching if not _continued(rule, acting)]
    if lapsed:
        rules = [rule.demand.id for rule in lapsed]
        trace.note("obligations", passed=False, rules=rules, why="not in force, and none succeeds it")
        raise _Denied("obligation-not-in-force")
    return tuple(rule.demand for rule in acting)


def _continued(rule: ObligationRule, acting: list[ObligationRule]) -> bool:
    return any(other.lineage == rule.lineage for other in acting)


def _combine(
    bundle: Bundle,
    facts: Facts,
    dataset: Dataset,
    classified: Classified,
    demands: tuple[Demand, ...],
    trace: _Trace,
) -> Obligations:
    owner = facts.subject.department == dataset.department
    reader = Reader(owner, _scope(bundle, facts, dataset))
    found = combined(Parts(dataset, classified, bundle.baseline, demands), reader)
    if isinstance(found.outcome, Impossible):
        trace.note("obligations", passed=False, rules=found.rules, why=found.outcome.why)
        raise _Denied("obligation-impossible")
    trace.note("obligations", passed=True, rules=found.rules)
    return found.outcome


def _scope(bundle: Bundle, facts: Facts, dataset: Dataset) -> str:
    """Whom pseudonyms are comparable for: one consumer department, or all who share the purpose (T54)."""
    purpose = facts.request.purpose
    if bundle.words.purposes[purpose].shared_pseudonyms:
        return f"purpose:{purpose}"
    return f"department:{facts.subject.department}/{dataset.department}"


def _fit(
    facts: Facts, dataset: Dataset, whole: Obligations, trace: _Trace
) -> tuple[Obligations, Predicate | None]:
    result = fit(facts.request, dataset, whole)
    if isinstance(result, Unfit):
        trace.note("request", passed=False, why=result.message)
        raise _Denied(result.reason, public=result.reason, message=result.message)
    trace.note("request", passed=True)
    return result


def department_term(subject: Subject) -> str:
    """The term by which grants name the subject's department."""
    return f"{DEPARTMENT}{subject.department}"
