"""Which rows: a small closed language of comparisons that cannot err on any row (T49).

A predicate is either unchecked (parsed) or bound to columns by `check`, which proves that every literal fits
its column, so that evaluation has no error to leak. Logic is three-valued as in SQL; a row is kept only
where the predicate is true: null excludes it (T47).
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterator
from typing import Annotated, Literal

from pydantic import Field, field_validator

from exchange.errors import PredicateInvalid
from exchange.model.base import Frozen
from exchange.model.dataset import Column, Family

Scalar = bool | int | float | str
NODES_MAX = 256
VALUES_MAX = 1000
DEPTH_MAX = 24
INT64_MAX = 2**63 - 1


class Compare(Frozen):
    """`column op value`. Dates and timestamps are ISO 8601 text."""

    kind: Literal["compare"] = "compare"
    column: str
    op: Literal["=", "<>", "<", "<=", ">", ">="]
    value: Scalar


class In(Frozen):
    """`column IN (values)`."""

    kind: Literal["in"] = "in"
    column: str
    values: tuple[Scalar, ...] = Field(min_length=1, max_length=VALUES_MAX)


class IsNull(Frozen):
    """`column IS NULL`."""

    kind: Literal["is-null"] = "is-null"
    column: str


class Like(Frozen):
    """`column LIKE pattern`: `%` any run, `_` any one character, case-sensitive, no escape character."""

    kind: Literal["like"] = "like"
    column: str
    pattern: str = Field(max_length=256)

    @field_validator("pattern")
    @classmethod
    def _no_escape(cls, pattern: str) -> str:
        if "\\" in pattern:
            raise ValueError("a LIKE pattern cannot hold a backslash")
        return pattern


class And(Frozen):
    """All of the terms."""

    kind: Literal["and"] = "and"
    terms: tuple[Predicate, ...] = Field(min_length=1)


class Or(Frozen):
    """Any of the terms."""

    kind: Literal["or"] = "or"
    terms: tuple[Predicate, ...] = Field(min_length=1)


class Not(Frozen):
    """Not the term; unknown stays unknown."""

    kind: Literal["not"] = "not"
    term: Predicate


Predicate = Annotated[Compare | In | IsNull | Like | And | Or | Not, Field(discriminator="kind")]
Leaf = Compare | In | IsNull | Like

And.model_rebuild()
Or.model_rebuild()
Not.model_rebuild()


def both(*predicates: Predicate | None) -> Predicate | None:
    """The conjunction of those that are there; None if none is."""
    present = tuple(dict.fromkeys(p for p in predicates if p is not None))
    if not present:
        return None
    return present[0] if len(present) == 1 else And(terms=present)


def leaves(predicate: Predicate, depth: int = 0) -> Iterator[Leaf]:
    """Every comparison in the predicate, in reading order.

    Raises:
        PredicateInvalid: it is nested deeper than DEPTH_MAX.
    """
    if depth > DEPTH_MAX:
        raise PredicateInvalid(f"the predicate is nested more than {DEPTH_MAX} deep")
    if isinstance(predicate, Not):
        yield from leaves(predicate.term, depth + 1)
    elif isinstance(predicate, And | Or):
        for term in predicate.terms:
            yield from leaves(term, depth + 1)
    else:
        yield predicate


def columns_of(predicate: Predicate | None) -> frozenset[str]:
    """The columns a predicate reads."""
    return frozenset() if predicate is None else frozenset(leaf.column for leaf in leaves(predicate))


def conjuncts(predicate: Predicate | None) -> tuple[Predicate, ...]:
    """The predicate as terms that must all hold, so that a source may be offered some of them."""
    if predicate is None:
        return ()
    if isinstance(predicate, And):
        return tuple(part for term in predicate.terms for part in conjuncts(term))
    return (predicate,)


def check(predicate: Predicate, column: Callable[[str], Column | None]) -> None:
    """Prove that the predicate can be evaluated on these columns without an error on any row.

    Args:
        predicate: what to check.
        column: the visible column of a name, or None; a hidden column must answer like a missing one.

    Raises:
        PredicateInvalid: an unknown column, a literal that does not fit, or a predicate too large.
    """
    for count, leaf in enumerate(leaves(predicate), start=1):
        if count > NODES_MAX:
            raise PredicateInvalid(f"the predicate has more than {NODES_MAX} comparisons")
        found = column(leaf.column)
        if found is None:
            raise PredicateInvalid(f"unknown column {leaf.column!r} in the predicate")
        _check_leaf(leaf, found)


def _check_leaf(leaf: Leaf, column: Column) -> None:
    if isinstance(leaf, IsNull):
        return
    if isinstance(leaf, Like):
        if column.family is not Family.TEXT:
            raise PredicateInvalid(f"LIKE needs a text column; {column.name!r} is {column.type}")
        return
    if isinstance(leaf, Compare) and column.family is Family.BOOLEAN and leaf.op not in {"=", "<>"}:
        raise PredicateInvalid(f"{column.name!r} is boolean and can only be compared with = and <>")
    for value in leaf.values if isinstance(leaf, In) else (leaf.value,):
        _check_literal(value, column)


def _check_literal(value: Scalar, column: Column) -> None:
    fits = _FITS.get(column.family)
    if fits is None:
        raise PredicateInvalid(f"{column.name!r} is {column.type} and cannot be compared")
    if not fits(value):
        raise PredicateInvalid(f"{value!r} does not fit {column.name!r}, which is {column.type}")


def _is_number(value: Scalar) -> bool:
    if isinstance(value, bool | str):
        return False
    return abs(value) <= INT64_MAX if isinstance(value, int) else math.isfinite(value)


def _is_date(value: Scalar) -> bool:
    return isinstance(value, str) and _parses(dt.date.fromisoformat, value)


def _is_timestamp(value: Scalar) -> bool:
    return isinstance(value, str) and _parses(dt.datetime.fromisoformat, value)


def _parses(parse: Callable[[str], object], text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


_FITS: dict[Family, Callable[[Scalar], bool]] = {
    Family.BOOLEAN: lambda value: isinstance(value, bool),
    Family.NUMBER: _is_number,
    Family.TEXT: lambda value: isinstance(value, str),
    Family.DATE: _is_date,
    Family.TIMESTAMP: _is_timestamp,
}
