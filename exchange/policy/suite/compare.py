"""What was expected beside what came out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from exchange.model.obligation import Mask, Obligations
from exchange.model.predicate import And, Not, Or, Predicate
from exchange.model.predicate_sql import render
from exchange.policy.facts import Outcome
from exchange.policy.suite.model import ALL_ROWS, NO_LIMIT, Expect


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One thing that is not as expected, as text for people."""

    what: str
    expected: str
    got: str


def compare(expect: Expect, outcome: Outcome) -> tuple[Mismatch, ...]:
    """Everything that is not as expected; empty if all is."""
    decision = outcome.decision
    found = []
    if decision.effect.value != expect.decision:
        found.append(Mismatch("decision", expect.decision, f"{decision.effect} ({decision.reason})"))
    elif expect.reason is not None and decision.reason != expect.reason:
        found.append(Mismatch("reason", expect.reason, decision.reason))
    if decision.obligations is not None and expect.decision == "allow":
        found.extend(_obligations(expect, decision.obligations))
    return tuple(found)


def _obligations(expect: Expect, got: Obligations) -> Iterator[Mismatch]:
    delivered = {rule.name: rule.mask for rule in got.columns if rule.delivered}
    if expect.columns is not None and expect.columns != list(delivered):
        yield Mismatch("columns", ", ".join(expect.columns), ", ".join(delivered))
    for name in expect.hidden:
        if name in delivered:
            yield Mismatch(f"column {name}", "hidden", "delivered")
    if expect.masks is not None:
        yield from _masks(expect.masks, {name: mask for name, mask in delivered.items() if mask is not None})
    if expect.rows is not None and _shape(expect.row_filter) != _shape(got.row_filter):
        yield Mismatch("rows", _rows(expect.row_filter), _rows(got.row_filter))
    if expect.row_limit is not None:
        limit = NO_LIMIT if got.row_limit is None else got.row_limit
        if expect.row_limit != limit:
            yield Mismatch("row_limit", str(expect.row_limit), str(limit))
    if expect.windows is not None and set(expect.windows) != set(got.windows):
        wanted, found = (
            ", ".join(f"{window.rows_max} rows in {window.seconds} s" for window in windows) or "none"
            for windows in (expect.windows, got.windows)
        )
        yield Mismatch("windows", wanted, found)


def _masks(expected: dict[str, str | dict[str, str | int]], got: dict[str, Mask]) -> Iterator[Mismatch]:
    for name in sorted(expected.keys() | got.keys()):
        wanted = expected.get(name)
        settings: dict[str, str | int] = {"kind": wanted} if isinstance(wanted, str) else wanted or {}
        found = got[name].model_dump() if name in got else {}
        if not settings or not found or settings.items() - found.items():
            yield Mismatch(f"mask of {name}", _words(settings), _words(found))


def _words(mask: dict[str, str | int]) -> str:
    rest = ", ".join(f"{key} {value}" for key, value in mask.items() if key != "kind")
    return f"{mask.get('kind', 'none')}{f' ({rest})' if rest else ''}"


def _rows(predicate: Predicate | None) -> str:
    return ALL_ROWS if predicate is None else render(predicate)


def _shape(predicate: Predicate | None) -> object:
    """Equal for predicates that differ in the order or grouping of AND and OR only."""
    if isinstance(predicate, And | Or):
        terms: set[object] = set()
        for term in predicate.terms:
            shape = _shape(term)
            same = isinstance(term, type(predicate)) and isinstance(shape, tuple)
            terms |= shape[1] if same and isinstance(shape, tuple) else {shape}
        return (predicate.kind, frozenset(terms))
    if isinstance(predicate, Not):
        return (predicate.kind, _shape(predicate.term))
    return predicate
