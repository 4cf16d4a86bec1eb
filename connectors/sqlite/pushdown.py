"""As much of a predicate as SQLite can be trusted with.

Pushed down: comparisons of integers, reals and booleans, which SQLite compares exactly; text for equality
only, bytewise whatever collation the column declares (the order of UTF-16 databases is another); null
tests. Left to the
exchange: LIKE (it ignores case), dates and timestamps (they are text of several spellings), long lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.sqlite.values import Kind
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

PARAMETERS_MAX = 900
"""SQLite allowed 999 before version 3.32."""


class _NotSameError(Exception):
    """SQLite might not keep a row for which this is true."""


def condition(hint: Predicate | None, kinds: Mapping[str, Kind]) -> tuple[str, list[Any]]:
    """SQL and parameters that are true wherever the hint is; "" where nothing can be pushed down.

    Conjuncts are taken in order, up to the first that cannot be. The policy's stand first: a consumer's must
    not choose among rows that policy has not filtered, or a row that cannot be read would answer it (T49).
    """
    parts: list[str] = []
    parameters: list[Any] = []
    for part in conjuncts(hint):
        own: list[Any] = []
        try:
            text = _render(part, kinds, own)
        except _NotSameError:
            break
        if len(parameters) + len(own) > PARAMETERS_MAX:
            break
        parts.append(text)
        parameters += own
    return " AND ".join(parts), parameters


def _render(predicate: Predicate, kinds: Mapping[str, Kind], parameters: list[Any]) -> str:
    if isinstance(predicate, Not):
        return f"(NOT {_render(predicate.term, kinds, parameters)})"
    if isinstance(predicate, And | Or):
        word = " AND " if isinstance(predicate, And) else " OR "
        return f"({word.join(_render(term, kinds, parameters) for term in predicate.terms)})"
    return _leaf(predicate, kinds, parameters)


def _leaf(leaf: Leaf, kinds: Mapping[str, Kind], parameters: list[Any]) -> str:
    kind = kinds.get(leaf.column)
    if kind is None or isinstance(leaf, Like):
        raise _NotSameError
    name = quote(leaf.column)
    if isinstance(leaf, IsNull):
        return f"({name} IS NULL)"
    _check(leaf, kind)
    subject = f"{name} COLLATE BINARY" if kind.name == "text" else name
    if isinstance(leaf, In):
        parameters += [_parameter(value) for value in leaf.values]
        return f"({subject} IN ({', '.join('?' * len(leaf.values))}))"
    parameters.append(_parameter(leaf.value))
    return f"({subject} {leaf.op} ?)"


def _check(leaf: Compare | In, kind: Kind) -> None:
    if kind.name in {"integer", "real", "boolean"}:
        return
    if kind.name != "text" or (isinstance(leaf, Compare) and leaf.op not in {"=", "<>"}):
        raise _NotSameError


def _parameter(value: Scalar) -> Scalar:
    return int(value) if isinstance(value, bool) else value


def quote(name: str) -> str:
    """A name as an SQL identifier."""
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
