"""Row filters and masks are called narrower only when they are: checked against every row there can be."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.model.obligation import Mask, Nullify, Partial, Pseudonym, Redact, Round
from exchange.model.predicate import And, Compare, In, IsNull, Not, Or, Predicate
from exchange.model.predicate_sql import parse
from exchange.policy.questions.implication import implies
from exchange.policy.questions.masks import hides_as_much

Row = dict[str, int | None]
ROWS: list[Row] = [{"a": a, "b": b} for a, b in itertools.product([None, 0, 1, 2, 3], repeat=2)]
_OPS: dict[str, Callable[[int, int], bool]] = {
    "=": lambda x, y: x == y,
    "<>": lambda x, y: x != y,
    "<": lambda x, y: x < y,
    "<=": lambda x, y: x <= y,
    ">": lambda x, y: x > y,
    ">=": lambda x, y: x >= y,
}
columns, values = st.sampled_from(["a", "b"]), st.integers(0, 3)
leaf = st.one_of(
    st.builds(Compare, column=columns, op=st.sampled_from(list(_OPS)), value=values),
    st.builds(In, column=columns, values=st.lists(values, min_size=1, max_size=3).map(tuple)),
    st.builds(IsNull, column=columns),
)
predicates = st.recursive(
    leaf,
    lambda inner: st.one_of(
        st.builds(And, terms=st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(Or, terms=st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(Not, term=inner),
    ),
    max_leaves=5,
)


def _truth(predicate: Predicate, row: Row) -> bool | None:
    match predicate:
        case IsNull(column=name):
            return row[name] is None
        case Compare(column=name, op=op, value=value):
            held = row[name]
            return None if held is None else _OPS[op](held, int(value))
        case In(column=name, values=listed):
            return None if row[name] is None else row[name] in listed
        case Not(term=term):
            inner = _truth(term, row)
            return None if inner is None else not inner
        case And(terms=terms):
            found = [_truth(term, row) for term in terms]
            return False if False in found else None if None in found else True
        case Or(terms=terms):
            found = [_truth(term, row) for term in terms]
            return True if True in found else None if None in found else False
    raise AssertionError(predicate)


@settings(max_examples=1500, deadline=None)
@given(a=predicates, b=predicates)
def test_a_filter_implies_another_only_if_no_row_says_otherwise(a: Predicate, b: Predicate) -> None:
    if implies(a, b):
        assert all(_truth(b, row) for row in ROWS if _truth(a, row))


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        ("a > 30", "a > 20"),
        ("a > 30", "a >= 30"),
        ("a > 30", "a <> 30"),
        ("a = 3", "a IN (3, 4)"),
        ("a IN (3, 4)", "a < 5"),
        ("a > 3 AND b = 1", "b = 1"),
        ("a > 3", "a > 3 OR b IS NULL"),
        ("a > 5 OR b IS NULL", "a > 3 OR b IS NULL"),
        ("a > 3", "a IS NOT NULL"),
        ("day >= '2026-02-01'", "day >= '2026-01-01'"),
        ("name = 'x'", "name IN ('x', 'y')"),
    ],
)
def test_common_cases_are_recognised(narrow: str, wide: str) -> None:
    assert implies(parse(narrow), parse(wide))
    assert not implies(parse(wide), parse(narrow))
    assert implies(parse(narrow), None)
    assert not implies(None, parse(wide))


@pytest.mark.parametrize(("a", "b"), [("name > 'b'", "name > 'a'"), ("a = 1", "b = 1"), ("a = 1", "a = '1'")])
def test_what_cannot_be_told_is_not_claimed(a: str, b: str) -> None:
    assert not implies(parse(a), parse(b))


_MASKS: list[Mask | None] = [
    None,
    Nullify(),
    Redact(),
    Redact(text="x"),
    *(Partial(first=first, last=last) for first in range(3) for last in range(3)),
]
_TEXTS = [None, *("".join(text) for size in range(6) for text in itertools.product("ab", repeat=size))]


def _masked(mask: Mask | None, value: str | None) -> str | None:
    match mask:
        case Nullify():
            return None
        case Redact(text=text):
            return None if value is None else text
        case Partial(first=first, last=last) if value is not None:
            if len(value) <= first + last:
                return "*" * len(value)
            return value[:first] + "*" * (len(value) - first - last) + value[len(value) - last :]
        case _:
            return value


@pytest.mark.parametrize(("a", "b"), list(itertools.product(_MASKS, repeat=2)))
def test_a_mask_hides_as_much_only_if_what_it_shows_follows_from_the_other(a: Mask, b: Mask) -> None:
    if hides_as_much(a, b):
        seen: dict[str | None, str | None] = {}
        for text in _TEXTS:
            assert seen.setdefault(_masked(b, text), _masked(a, text)) == _masked(a, text)


def test_rounding_hides_more_only_at_multiples() -> None:
    assert hides_as_much(Round(step=10), Round(step=5))
    assert not hides_as_much(Round(step=7), Round(step=5))
    assert not hides_as_much(Pseudonym(scope="purpose:x"), Pseudonym(scope="department:a/b"))
    assert not hides_as_much(Pseudonym(scope="purpose:x"), Round(step=5))
