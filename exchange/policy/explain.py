"""A decision as text that a steward can follow: each step, the rules that spoke, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator

from exchange.model.obligation import Mask, Obligations
from exchange.model.predicate_sql import render
from exchange.policy.facts import Outcome


def explain(outcome: Outcome) -> Iterator[str]:
    """The trace, line by line."""
    for step in outcome.steps:
        mark = "passed" if step.passed else "STOPPED"
        yield f"{step.name:<13}{mark}{f'  {step.why}' if step.why else ''}"
        for rule in step.rules:
            yield f"{'':<13}by {rule}"
    decision = outcome.decision
    yield f"{'decision':<13}{decision.effect.upper()} ({decision.reason}), revision {decision.revision}"
    if decision.obligations is not None:
        yield from _obligations(decision.obligations)
    if outcome.where is not None:
        yield f"{'asked rows':<13}{render(outcome.where)}"


def _obligations(obligations: Obligations) -> Iterator[str]:
    for rule in obligations.columns:
        yield f"{'column':<13}{rule.name}{'' if rule.mask is None else '  ' + _mask(rule.mask)}"
    if obligations.row_filter is not None:
        yield f"{'rows':<13}{render(obligations.row_filter)}"
    if obligations.row_limit is not None:
        yield f"{'row limit':<13}{obligations.row_limit:,}"
    for window in obligations.windows:
        yield f"{'window':<13}{window.rows_max:,} rows in {window.seconds:,} s"


def _mask(mask: Mask) -> str:
    details = ", ".join(f"{key} {value}" for key, value in mask.model_dump(exclude={"kind"}).items())
    return f"masked: {mask.kind}{f' ({details})' if details else ''}"
