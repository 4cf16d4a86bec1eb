"""As much of a predicate as DuckDB can be trusted with.

A conjunct is pushed down only if DuckDB's answer is true wherever the exchange's is; anything else is left
to the exchange, which applies the whole predicate again. Left out are: decimals and dictionaries (DuckDB
may raise while casting), numbers that a double does not hold exactly, timestamps of other units than
microseconds, text with a collation, and floats under NOT or `<>`-like negation, because NaN is ordered in
DuckDB and unordered here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from exchange.model.predicate import (
    And,
    Compare,
    In,
    IsNull,
    Leaf,
    Like,
    Not,
    Or,
    Predicate,
    Scalar,
    conjuncts,
)

_EXACT = 2**53
_INT64 = 2**63


class _NotSameError(Exception):
    """DuckDB might not keep a row for which this is true."""


def condition(hint: Predicate | None, schema: pa.Schema, *, text_pushed: bool) -> tuple[str, list[Any]]:
    """SQL and parameters that are true wherever the hint is; "" where nothing can be pushed down.

    Conjuncts are taken in order, up to the first that cannot be. The policy's stand first: a consumer's must
    not choose among rows that policy has not filtered, or a row that cannot be read would answer it (T49).

    Args:
        hint: what the caller will apply again.
        schema: of the relation.
        text_pushed: False where text may compare otherwise than bytewise.
    """
    parts: list[str] = []
    parameters: list[Any] = []
    for part in conjuncts(hint):
        own: list[Any] = []
        try:
            parts.append(_render(part, _Columns(schema, own, text_pushed=text_pushed), negated=False))
        except _NotSameError:
            break
        parameters += own
    return " AND ".join(parts), parameters


class _Columns:
    def __init__(self, schema: pa.Schema, parameters: list[Any], *, text_pushed: bool) -> None:
        self._schema = schema
        self._text_pushed = text_pushed
        self.parameters = parameters

    def kind(self, name: str) -> pa.DataType:
        indices = self._schema.get_all_field_indices(name)
        if len(indices) != 1:
            raise _NotSameError
        return self._schema.field(indices[0]).type

    def convert(self, leaf: Leaf, *, negated: bool) -> Callable[[Scalar], Any]:
        """How literals of this leaf become parameters."""
        kind = self.kind(leaf.column)
        if pa.types.is_floating(kind) and negated:
            raise _NotSameError
        if pa.types.is_string(kind) and not self._text_pushed:
            raise _NotSameError
        found = next((convert for test, convert in _CONVERT if test(kind)), None)
        if found is None:
            raise _NotSameError
        return found


def _render(predicate: Predicate, columns: _Columns, *, negated: bool) -> str:
    if isinstance(predicate, Not):
        return f"(NOT {_render(predicate.term, columns, negated=True)})"
    if isinstance(predicate, And | Or):
        word = " AND " if isinstance(predicate, And) else " OR "
        return f"({word.join(_render(term, columns, negated=negated) for term in predicate.terms)})"
    return _leaf(predicate, columns, negated=negated)


def _leaf(leaf: Leaf, columns: _Columns, *, negated: bool) -> str:
    name = quote(leaf.column)
    if isinstance(leaf, IsNull):
        columns.kind(leaf.column)
        return f"({name} IS NULL)"
    convert = columns.convert(leaf, negated=negated)
    if isinstance(leaf, Like):
        columns.parameters.append(leaf.pattern)
        return f"({name} LIKE ?)"
    if isinstance(leaf, In):
        columns.parameters += [convert(value) for value in leaf.values]
        return f"({name} IN ({', '.join('?' * len(leaf.values))}))"
    return _compare(leaf, name, convert, columns)


def _compare(leaf: Compare, name: str, convert: Callable[[Scalar], Any], columns: _Columns) -> str:
    columns.parameters.append(convert(leaf.value))
    return f"({name} {leaf.op} ?)"


def _integer(value: Scalar) -> int:
    if (
        isinstance(value, str)
        or (isinstance(value, float) and not value.is_integer())
        or abs(value) >= _INT64
    ):
        raise _NotSameError
    return int(value)


def _float(value: Scalar) -> float:
    if isinstance(value, str) or (isinstance(value, int) and abs(value) > _EXACT):
        raise _NotSameError
    return float(value)


def _date(value: Scalar) -> dt.date:
    return dt.date.fromisoformat(str(value))


def _utc(value: Scalar) -> dt.datetime:
    moment = dt.datetime.fromisoformat(str(value))
    try:
        return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)
    except OverflowError:
        raise _NotSameError from None


def _same(value: Scalar) -> Scalar:
    return value


def _is_microseconds(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind) and kind.unit == "us")


_CONVERT: tuple[tuple[Callable[[pa.DataType], bool], Callable[[Scalar], Any]], ...] = (
    (pa.types.is_boolean, _same),
    (pa.types.is_integer, _integer),
    (lambda kind: bool(pa.types.is_float32(kind) or pa.types.is_float64(kind)), _float),
    (pa.types.is_string, _same),
    (pa.types.is_date32, _date),
    (lambda kind: _is_microseconds(kind) and kind.tz is None, lambda value: _utc(value).replace(tzinfo=None)),
    (lambda kind: _is_microseconds(kind) and kind.tz is not None, _utc),
)


def quote(name: str) -> str:
    """A name as an SQL identifier."""
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
