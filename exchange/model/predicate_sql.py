"""Predicates as people write them: the text after WHERE, and back.

sqlglot parses; everything it can parse that is not in our closed language is refused by name, so functions,
sub-queries, casts, parameters and comments never reach a source (T57).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import sqlglot
from pydantic import ValidationError
from sqlglot import expressions as sql
from sqlglot.errors import SqlglotError

from exchange.errors import PredicateInvalid
from exchange.model.predicate import (
    DEPTH_MAX,
    And,
    Compare,
    In,
    IsNull,
    Like,
    Not,
    Or,
    Predicate,
    Scalar,
)

TEXT_BYTES_MAX = 8192
TEXTS_KEPT_MAX, TEXT_CHARS_KEPT_MAX = 1024, 1024
HINT = "compare columns with values; text and dates in single quotes: days > 6 AND day > '2026-01-31'"

_OPS: dict[type[sql.Expr], Any] = {
    sql.EQ: "=",
    sql.NEQ: "<>",
    sql.LT: "<",
    sql.LTE: "<=",
    sql.GT: ">",
    sql.GTE: ">=",
}
_MIRRORED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def parse(text: str) -> Predicate:
    """The predicate that the text means; programs ask the same again and again, so texts are remembered.

    Only short ones: understood, a text takes a hundred times its room, and a stranger chooses it.

    Raises:
        PredicateInvalid: too long, not parseable, or outside the closed language; the text says which.
    """
    return _kept(text) if len(text) <= TEXT_CHARS_KEPT_MAX else _parse(text)


@lru_cache(maxsize=TEXTS_KEPT_MAX)
def _kept(text: str) -> Predicate:
    return _parse(text)


def _parse(text: str) -> Predicate:
    if len(text.encode("utf-8", "surrogatepass")) > TEXT_BYTES_MAX:
        raise PredicateInvalid(f"the predicate is longer than {TEXT_BYTES_MAX} bytes")
    if text.count("(") > DEPTH_MAX * 4:
        raise PredicateInvalid("the predicate has too many parentheses")
    try:
        statements = sqlglot.parse(f"SELECT 1 WHERE {text}", read="duckdb")
    except (SqlglotError, RecursionError) as error:
        raise PredicateInvalid("the predicate cannot be parsed", hint=HINT, detail=str(error)) from None
    try:
        return _predicate(_only_condition(statements), 0)
    except ValidationError as error:
        raise PredicateInvalid(str(error.errors()[0]["msg"]).lower(), hint=HINT) from None
    except (RecursionError, ValueError) as error:
        # a chain without brackets, or a number of thousands of digits
        raise PredicateInvalid("the predicate is too large to read", hint=HINT, detail=str(error)) from None


def _only_condition(statements: list[Any]) -> sql.Expr:
    statement = statements[0] if len(statements) == 1 else None
    if not isinstance(statement, sql.Select):
        raise PredicateInvalid("the predicate must be one condition", hint=HINT)
    given = {name for name, value in statement.args.items() if value} - {"expressions", "where", "kind"}
    where = statement.args.get("where")
    if given or where is None:
        raise PredicateInvalid("the predicate must be a condition and nothing after it", hint=HINT)
    if any(node.comments for node in statement.walk()):
        raise PredicateInvalid("comments cannot stand in a predicate", hint=HINT)
    condition: sql.Expr = where.this
    return condition


def _predicate(node: sql.Expr, depth: int) -> Predicate:
    if depth > DEPTH_MAX:
        raise PredicateInvalid(f"the predicate is nested more than {DEPTH_MAX} deep")
    if isinstance(node, sql.Paren):
        return _predicate(node.this, depth + 1)
    if isinstance(node, sql.Not):
        return Not(term=_predicate(node.this, depth + 1))
    if isinstance(node, sql.And | sql.Or):
        kind: type[And | Or] = And if isinstance(node, sql.And) else Or
        return kind(terms=tuple(_predicate(term, depth + 1) for term in node.flatten()))
    build = _LEAVES.get(type(node))
    if build is None:
        raise PredicateInvalid(f"{node.sql()!r} is not a comparison", hint=HINT)
    return build(node)


def _compare(node: Any) -> Predicate:
    op = _OPS[type(node)]
    left, right = node.this, node.expression
    if isinstance(right, sql.Column) and not isinstance(left, sql.Column):
        left, right, op = right, left, _MIRRORED[op]
    return Compare(column=_column(left), op=op, value=_literal(right))


def _in(node: Any) -> Predicate:
    if node.args.get("query") or node.args.get("unnest") or node.args.get("field"):
        raise PredicateInvalid("IN takes a list of literals", hint=HINT)
    return In(column=_column(node.this), values=tuple(_literal(value) for value in node.expressions))


def _between(node: Any) -> Predicate:
    column = _column(node.this)
    low = Compare(column=column, op=">=", value=_literal(node.args["low"]))
    high = Compare(column=column, op="<=", value=_literal(node.args["high"]))
    return And(terms=(low, high))


def _is(node: Any) -> Predicate:
    if not isinstance(node.expression, sql.Null):
        raise PredicateInvalid("IS takes NULL only", hint=HINT)
    return IsNull(column=_column(node.this))


def _like(node: Any) -> Predicate:
    pattern = _literal(node.expression)
    if not isinstance(pattern, str):
        raise PredicateInvalid("LIKE takes a text pattern", hint=HINT)
    return Like(column=_column(node.this), pattern=pattern)


def _truth(node: Any) -> Predicate:
    """A bare column is a boolean test."""
    return Compare(column=_column(node), op="=", value=True)


_LEAVES: dict[type[sql.Expr], Callable[[Any], Predicate]] = {
    **dict.fromkeys(_OPS, _compare),
    sql.In: _in,
    sql.Between: _between,
    sql.Is: _is,
    sql.Like: _like,
    sql.Column: _truth,
}


def _column(node: sql.Expr) -> str:
    if not isinstance(node, sql.Column) or node.table or not isinstance(node.this, sql.Identifier):
        raise PredicateInvalid(f"{node.sql()!r} is not a column name", hint=HINT)
    return str(node.this.this)


def _literal(node: sql.Expr) -> Scalar:
    if isinstance(node, sql.Boolean):
        return bool(node.this)
    if isinstance(node, sql.Neg):
        value = _literal(node.this)
        if not isinstance(value, str):
            return -value
    elif isinstance(node, sql.Literal):
        text = str(node.this)
        if node.is_string:
            return text
        return int(text) if text.isdigit() else float(text)
    raise PredicateInvalid(f"{node.sql()!r} is not a literal", hint=HINT)


def render(predicate: Predicate, *, show: Callable[[Scalar], str] | None = None) -> str:
    """The predicate as text that `parse` reads back to an equal predicate.

    Args:
        predicate: what to write.
        show: how to write a literal; the audit log passes one that writes `?`, so that no value from a
            request stands in it in clear (T62).
    """
    show = show or _show
    if isinstance(predicate, And | Or):
        word = " AND " if isinstance(predicate, And) else " OR "
        return word.join(f"({render(term, show=show)})" for term in predicate.terms)
    if isinstance(predicate, Not):
        return f"NOT ({render(predicate.term, show=show)})"
    name = quote(predicate.column)
    if isinstance(predicate, IsNull):
        return f"{name} IS NULL"
    if isinstance(predicate, Like):
        return f"{name} LIKE {show(predicate.pattern)}"
    if isinstance(predicate, In):
        return f"{name} IN ({', '.join(show(value) for value in predicate.values)})"
    return f"{name} {predicate.op} {show(predicate.value)}"


def shape(predicate: Predicate) -> str:
    """The predicate with every literal replaced by `?`."""
    return render(predicate, show=lambda _: "?")


def quote(name: str) -> str:
    """An identifier as standard SQL writes it."""
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def _show(value: Scalar) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value)
