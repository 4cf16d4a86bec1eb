"""Step 8: which rows stay, by a predicate of the closed language, with SQL's three-valued logic.

A predicate that passed `exchange.model.predicate.check` cannot raise on any row here (T49): literals are
compared exactly (see `grid`), never cast into a type they might not fit. A row stays only where the
predicate is true; null excludes it (T47). A NaN is unordered, as in IEEE 754: every comparison with it is
false but `<>`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from fractions import Fraction
from typing import cast

import pyarrow as pa
import pyarrow.compute as pc

from exchange.connector.enforce import grid
from exchange.connector.enforce.grid import Op, Step, Verdict
from exchange.connector.enforce.layout import plain_type, unwrapped
from exchange.model.predicate import And, Compare, In, IsNull, Leaf, Like, Not, Or, Predicate, Scalar

_KERNELS: dict[Op, Callable[[pa.Array, pa.Scalar], pa.Array]] = {
    "=": pc.equal,
    "<>": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}


def evaluate(predicate: Predicate, batch: pa.RecordBatch) -> pa.BooleanArray:
    """True, false or null for every row of the batch.

    Args:
        predicate: one that `check` accepted for the columns of this batch.
        batch: must hold every column the predicate reads; dictionary columns count as their values.
    """
    if isinstance(predicate, Not):
        return pc.invert(evaluate(predicate.term, batch))
    if isinstance(predicate, And | Or):
        join = pc.and_kleene if isinstance(predicate, And) else pc.or_kleene
        return functools.reduce(join, (evaluate(term, batch) for term in predicate.terms))
    return _leaf(predicate, batch.column(predicate.column))


def keep(
    predicate: Predicate | None, batch: pa.RecordBatch, rows: pa.RecordBatch | None = None
) -> pa.RecordBatch:
    """The rows for which the predicate is true.

    Args:
        predicate: None keeps every row.
        batch: what the predicate reads.
        rows: what is delivered of it, row for row; the batch itself where None.
    """
    rows = batch if rows is None else rows
    if predicate is None:
        return rows
    truth = evaluate(predicate, batch)
    kept = truth.true_count
    return rows if kept == len(truth) else rows.filter(truth, null_selection_behavior="drop")


def _leaf(leaf: Leaf, column: pa.Array) -> pa.BooleanArray:
    if isinstance(leaf, IsNull):
        return pc.is_null(column)
    values = comparable(column)
    if isinstance(leaf, Like):
        return pc.match_like(values, leaf.pattern)
    if isinstance(leaf, In):
        return _in(_wanted(leaf, plain_type(column.type)), values)
    return _apply(_resolved(leaf, plain_type(column.type)), values)


def comparable(column: pa.Array) -> pa.Array:
    """The column in a layout that the comparison kernels know: plain, dates and times as their integers."""
    values = unwrapped(column)
    kind = values.type
    if pa.types.is_floating(kind):
        return values.cast(pa.float64())
    if pa.types.is_date32(kind):
        return values.view(pa.int32())
    if pa.types.is_date64(kind) or pa.types.is_timestamp(kind):
        return values.view(pa.int64())
    return values


def _apply(resolved: Verdict | Step, values: pa.Array) -> pa.BooleanArray:
    if isinstance(resolved, Step):
        return _KERNELS[resolved.op](values, resolved.value)
    return _everywhere(values, value=resolved.value)


def _everywhere(values: pa.Array, *, value: bool) -> pa.BooleanArray:
    """The same answer on every row that is not null."""
    return pc.if_else(pc.is_valid(values), pa.scalar(value), pa.scalar(None, pa.bool_()))


def _in(wanted: pa.Array | None, values: pa.Array) -> pa.BooleanArray:
    if wanted is None:
        return _everywhere(values, value=False)
    if len(wanted) == 1 or pa.types.is_decimal(values.type) or pa.types.is_boolean(values.type):
        # `is_in` has no kernel for the narrow decimals.
        return functools.reduce(pc.or_kleene, (pc.equal(values, one) for one in wanted))
    found = pc.is_in(values, value_set=wanted)
    return pc.if_else(pc.is_valid(values), found, pa.scalar(None, pa.bool_()))


# Literals are resolved once for each leaf and type, not once for each batch.
@functools.lru_cache(maxsize=512)
def _resolved(leaf: Compare, kind: pa.DataType) -> Verdict | Step:
    return _resolver(kind)(leaf.op, leaf.value)


@functools.lru_cache(maxsize=512)
def _wanted(leaf: In, kind: pa.DataType) -> pa.Array | None:
    """The values of the list that the column can hold; None if there is none."""
    resolve = _resolver(kind)
    steps = [found.value for value in leaf.values if isinstance(found := resolve("=", value), Step)]
    if not steps:
        return None
    wanted = [step.as_py() for step in steps]
    if pa.types.is_floating(steps[0].type) and 0 in wanted:
        # `is_in` compares bits, and there are two zeros.
        wanted += [0.0, -0.0]
    return pa.array(wanted, steps[0].type)


Resolver = Callable[[Op, Scalar], Verdict | Step]


def _resolver(kind: pa.DataType) -> Resolver:
    """How `column op literal` is said exactly for a column of this plain type."""
    found = next((make for test, make in _RESOLVERS if test(kind)), _as_it_is)
    return found(kind)


def _integers(kind: pa.DataType) -> Resolver:
    steps = grid.of_integers(kind)
    return lambda op, value: steps.resolve(op, grid.number_at(_number(value), 0))


def _decimals(kind: pa.DataType) -> Resolver:
    steps = grid.of_decimals(kind)
    return lambda op, value: steps.resolve(op, grid.number_at(_number(value), kind.scale))


def _floats(_: pa.DataType) -> Resolver:
    return lambda op, value: _float(op, _number(value))


def _dates(kind: pa.DataType) -> Resolver:
    steps = grid.of_ticks(kind.bit_width)
    return lambda op, value: steps.resolve(op, grid.date_at(str(value), kind))


def _timestamps(kind: pa.DataType) -> Resolver:
    steps = grid.of_ticks(kind.bit_width)
    return lambda op, value: steps.resolve(op, grid.timestamp_at(str(value), kind.unit))


def _as_it_is(kind: pa.DataType) -> Resolver:
    return lambda op, value: Step(op, pa.scalar(value, kind))


_RESOLVERS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.DataType], Resolver]], ...] = (
    (pa.types.is_integer, _integers),
    (pa.types.is_decimal, _decimals),
    (pa.types.is_floating, _floats),
    (pa.types.is_date, _dates),
    (pa.types.is_timestamp, _timestamps),
)


def _number(value: Scalar) -> float:
    return cast("float", value)  # `check` has proved it


def _float(op: Op, value: float) -> Verdict | Step:
    """Compare doubles with a number: an integer beyond 2**53 may stand between two doubles."""
    near = float(value)
    gap = Fraction(near) - Fraction(value)
    if gap == 0:
        return Step(op, pa.scalar(near))
    if op in {"=", "<>"}:
        return Verdict(op == "<>")
    below = near if gap < 0 else math.nextafter(near, -math.inf)
    above = near if gap > 0 else math.nextafter(near, math.inf)
    return Step(op, pa.scalar(above if op in {"<", ">="} else below))
