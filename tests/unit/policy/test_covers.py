"""Whether what a stream delivers lies within what would be granted now; in doubt it does not."""

from __future__ import annotations

import pytest

from exchange.model.obligation import (
    ColumnRule,
    Mask,
    Nullify,
    Obligations,
    Partial,
    RateWindow,
    Redact,
    Round,
)
from exchange.model.predicate import Compare, Predicate, both
from exchange.policy.covers import covers

LATE = Compare(column="delay", op=">", value=60)
JFK = Compare(column="origin", op="=", value="JFK")
DAILY = RateWindow(rows_max=100, seconds=86400)


def granted(**changes: object) -> Obligations:
    return Obligations.model_validate({"columns": (ColumnRule(name="origin"),), **changes})


def masked(mask: Mask | None) -> Obligations:
    return granted(columns=(ColumnRule(name="origin", mask=mask),))


def test_the_same_is_covered_and_so_is_less_of_it() -> None:
    two = granted(columns=(ColumnRule(name="origin"), ColumnRule(name="dest")))
    assert covers(granted(), granted())
    assert covers(two, granted())
    assert not covers(granted(), two)


@pytest.mark.parametrize(
    ("now", "then", "expected"),
    [
        (None, Redact(), True),
        (Redact(), None, False),
        (Redact(), Redact(), True),
        (Redact(), Nullify(), True),
        (Partial(first=1), Redact(), True),
        (Redact(), Partial(first=1), False),
        (Round(step=10), Round(step=5), False),
        (Round(step=5), Round(step=10), False),
    ],
)
def test_a_mask_covers_those_that_hide_at_least_as_much(
    now: Mask | None, then: Mask | None, *, expected: bool
) -> None:
    assert covers(masked(now), masked(then)) is expected


@pytest.mark.parametrize(
    ("now", "then", "expected"),
    [
        (None, LATE, True),
        (LATE, None, False),
        (LATE, both(JFK, LATE), True),
        (both(LATE, JFK), both(JFK, LATE), True),
        (both(JFK, LATE), LATE, False),
    ],
)
def test_a_filter_covers_those_with_all_its_terms(
    now: Predicate | None, then: Predicate | None, *, expected: bool
) -> None:
    assert covers(granted(row_filter=now), granted(row_filter=then)) is expected


@pytest.mark.parametrize(
    ("now", "then", "expected"), [(None, 5, True), (5, None, False), (5, 5, True), (4, 5, False)]
)
def test_a_row_limit_covers_those_not_above_it(now: int | None, then: int | None, *, expected: bool) -> None:
    assert covers(granted(row_limit=now), granted(row_limit=then)) is expected


def test_a_new_rate_window_has_not_counted_what_runs() -> None:
    assert covers(granted(), granted(windows=(DAILY,)))
    assert not covers(granted(windows=(DAILY,)), granted())


def test_what_only_a_predicate_read_is_not_thereby_delivered() -> None:
    read = granted(columns=(ColumnRule(name="origin", delivered=False),))
    assert covers(granted(), read)
    assert not covers(read, granted())
