"""Whether what was granted once lies within what would be granted now."""

from __future__ import annotations

from exchange.model.obligation import STRICTNESS, ColumnRule, Mask, Nullify, Obligations
from exchange.model.predicate import And, Predicate


def covers(now: Obligations, then: Obligations) -> bool:
    """Whether everything that a stream under `then` delivers could also be delivered under `now`.

    It errs to the narrow side: row filters are compared term by term, and two masks of one kind that differ
    are taken for different secrets.
    """
    rules = {rule.name: rule for rule in now.columns}
    return (
        all(_column(rules.get(rule.name), rule) for rule in then.columns)
        and _terms(now.row_filter) <= _terms(then.row_filter)
        and (now.row_limit is None or (then.row_limit is not None and then.row_limit <= now.row_limit))
        and set(now.windows) <= set(then.windows)
    )


def _column(now: ColumnRule | None, then: ColumnRule) -> bool:
    return now is not None and (now.delivered or not then.delivered) and _mask(now.mask, then.mask)


def _mask(now: Mask | None, then: Mask | None) -> bool:
    """Whether the former mask hides at least as much as the present one."""
    if now is None or now == then or isinstance(then, Nullify):
        return True
    return (
        then is not None
        and type(then) is not type(now)
        and STRICTNESS.index(type(then)) < STRICTNESS.index(type(now))
    )


def _terms(predicate: Predicate | None) -> frozenset[Predicate]:
    if predicate is None:
        return frozenset()
    if isinstance(predicate, And):
        return frozenset(term for part in predicate.terms for term in _terms(part))
    return frozenset({predicate})
