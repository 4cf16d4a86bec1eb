"""Whether one row filter keeps only rows that another keeps: sound, and silent where it cannot tell.

Rows are kept where a predicate is true: `a` implies `b` if `b` is true wherever `a` is; unknown is not true.
Only structure is looked at: False means "not shown", never "shown not".
"""

from __future__ import annotations

import re

from exchange.model.predicate import And, Compare, In, IsNull, Leaf, Like, Not, Or, Predicate, Scalar

_DATE = re.compile(r"[0-9]{4}-[01][0-9]-[0-3][0-9]")
Shown = dict[tuple[int, int], bool]


def implies(a: Predicate | None, b: Predicate | None) -> bool:
    """Whether every row that `a` keeps is kept by `b`, as far as structure shows; None keeps all rows."""
    if b is None:
        return True
    return a is not None and _shown(a, b, {})


def _shown(a: Predicate, b: Predicate, known: Shown) -> bool:
    key = (id(a), id(b))
    if key not in known:
        known[key] = a == b or _decompose(a, b, known)
    return known[key]


def _decompose(a: Predicate, b: Predicate, known: Shown) -> bool:
    if isinstance(b, And):
        return all(_shown(a, term, known) for term in b.terms)
    if isinstance(a, Or):
        return all(_shown(term, b, known) for term in a.terms)
    if isinstance(b, Or) and any(_shown(a, term, known) for term in b.terms):
        return True
    if isinstance(a, And):
        return any(_shown(term, b, known) for term in a.terms)
    if isinstance(b, Not):
        return _not_null(a, b)
    return isinstance(a, Leaf) and isinstance(b, Leaf) and _leaf(a, b)


def _not_null(a: Predicate, b: Not) -> bool:
    """A comparison is true of values only, so it implies that the column is not null."""
    compares = isinstance(a, Compare | In | Like)
    return compares and isinstance(b.term, IsNull) and a.column == b.term.column  # type: ignore[union-attr]


def _leaf(a: Leaf, b: Leaf) -> bool:
    if a.column != b.column or isinstance(a, IsNull | Like) or isinstance(b, IsNull | Like):
        return False
    if isinstance(a, In):
        return all(_leaf(Compare(column=a.column, op="=", value=value), b) for value in a.values)
    if isinstance(b, In):
        return a.op == "=" and any(_same(a.value, value) for value in b.values)
    if a.op == "=":
        return _holds(a.value, b)
    return _narrower(a, b)


def _holds(value: Scalar, b: Compare) -> bool:
    """Whether the one value that `a` allows fulfils `b`."""
    if b.op == "=":
        return _same(value, b.value)
    if not _ordered(value, b.value):
        return False
    below, above = value < b.value, value > b.value  # type: ignore[operator]
    return {"<": below, "<=": not above, ">": above, ">=": not below, "<>": below or above}[b.op]


def _narrower(a: Compare, b: Compare) -> bool:
    if not _ordered(a.value, b.value):
        return False
    less, more = a.value < b.value, a.value > b.value  # type: ignore[operator]
    equal = not less and not more
    if (a.op, b.op) in _UPWARD:
        return more or (equal and _UPWARD[a.op, b.op])
    if (a.op, b.op) in _DOWNWARD:
        return less or (equal and _DOWNWARD[a.op, b.op])
    return a.op == b.op and equal


_UPWARD = {
    (">", ">"): True,
    (">=", ">="): True,
    (">", ">="): True,
    (">", "<>"): True,
    (">=", ">"): False,
    (">=", "<>"): False,
}
"""Where a bound from below implies the second comparison if it is higher, or (True) also if it is equal."""
_DOWNWARD = {
    ("<", "<"): True,
    ("<=", "<="): True,
    ("<", "<="): True,
    ("<", "<>"): True,
    ("<=", "<"): False,
    ("<=", "<>"): False,
}


def _same(a: Scalar, b: Scalar) -> bool:
    return isinstance(a, bool) == isinstance(b, bool) and isinstance(a, str) == isinstance(b, str) and a == b


def _ordered(a: Scalar, b: Scalar) -> bool:
    """Whether both are plain numbers, or dates in the one form whose order as text is their order in time."""
    if isinstance(a, bool) or isinstance(b, bool):
        return False
    if isinstance(a, str) or isinstance(b, str):
        return isinstance(a, str) and isinstance(b, str) and bool(_DATE.fullmatch(a) and _DATE.fullmatch(b))
    return True
