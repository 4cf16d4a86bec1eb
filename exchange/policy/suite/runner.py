"""Runs a suite on one bundle for each engine; engines that differ are a failure like any other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from exchange.policy.bundle import Bundle
from exchange.policy.decide import decide
from exchange.policy.engines.stewards import check_bounds
from exchange.policy.facts import Facts, Outcome
from exchange.policy.suite.compare import Mismatch, compare
from exchange.policy.suite.model import Case, Suite


@dataclass(frozen=True, slots=True)
class Result:
    """One case on one engine."""

    case: Case
    engine: str
    outcome: Outcome
    mismatches: tuple[Mismatch, ...]

    @property
    def passed(self) -> bool:
        """Whether everything was as expected."""
        return not self.mismatches


def run(suite: Suite, bundles: Mapping[str, Bundle]) -> tuple[Result, ...]:
    """Every case on every engine, engine by engine.

    Args:
        suite: the cases.
        bundles: engine's name -> the same policy on it.

    Raises:
        PolicyInvalid: conditions go beyond all bounds; only on a steward's own machine.
    """
    results: list[Result] = []
    first: dict[int, Result] = {}
    for engine, bundle in bundles.items():
        for number, case in enumerate(suite.cases):
            outcome = decide(bundle, facts(case, suite))
            check_bounds(outcome, case.request.dataset)  # or a case that expects a denial would pass
            result = Result(case, engine, outcome, compare(case.expect, outcome))
            result = _agree(first.setdefault(number, result), result)
            results.append(result)
    return tuple(results)


def facts(case: Case, suite: Suite) -> Facts:
    """The case as the decision point is asked."""
    dataset = suite.schemas.get(case.request.dataset)
    return Facts(case.subject, dataset, case.request, "read", case.now, case.state)


def _agree(first: Result, result: Result) -> Result:
    if first.outcome.decision == result.outcome.decision:
        return result
    apart = Mismatch(
        "engines",
        f"as on {first.engine}: {_brief(first.outcome)}",
        f"on {result.engine}: {_brief(result.outcome)}",
    )
    return replace(result, mismatches=(*result.mismatches, apart))


def _brief(outcome: Outcome) -> str:
    decision = outcome.decision
    return f"{decision.effect} ({decision.reason}) by {', '.join(decision.rules) or 'no rule'}"
