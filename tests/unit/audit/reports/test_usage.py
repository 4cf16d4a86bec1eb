"""Who used a department's data: only its own, counted at the moment it happened."""

from __future__ import annotations

from typing import Any

import pytest
from told import DAY_US, DISPATCH, JUNE_US, PRESS, asked, ended, read

from exchange.audit.reports import usage as counting
from exchange.audit.reports.usage import usage
from exchange.model.usage import Dimension, UsageLine, UsageQuestion


def lines(connection: Any, department: str = "port", **question: Any) -> tuple[UsageLine, ...]:
    return usage(connection, department, UsageQuestion(**question)).lines


def test_a_read_is_told_with_who_what_why_how_much_and_since_when(index: Any) -> None:
    connection = index([*read(JUNE_US, 10), *read(JUNE_US + DAY_US, 5)])
    (line,) = lines(connection)
    assert line == UsageLine(
        dataset="port.flights",
        consumer=DISPATCH,
        purpose="emergency-response",
        granted=2,
        complete=2,
        rows=15,
        bytes=150,
        first_us=JUNE_US,
        last_us=JUNE_US + DAY_US + 60_000_000,
    )


def test_refused_attempts_and_broken_streams_are_told_apart(index: Any) -> None:
    decision = asked(JUNE_US)
    connection = index(
        [
            asked(JUNE_US, reason="no-grant"),
            decision,
            ended(decision, 3, outcome="aborted", reason="consumer"),
        ]
    )
    (line,) = lines(connection)
    assert (line.granted, line.refused, line.complete, line.broken, line.rows) == (1, 1, 0, 1, 3)


@pytest.mark.parametrize("department", ["por", "port.flights", "weather", "", "%"])
def test_nobody_sees_what_is_not_its_own(index: Any, department: str) -> None:
    connection = index([*read(JUNE_US, 10), *read(JUNE_US, 10, dataset="portland.flights")])
    assert lines(connection, department) == ()
    assert lines(connection, department, dataset="port.flights") == ()


def test_departments_whose_names_begin_alike_are_two(index: Any) -> None:
    connection = index([*read(JUNE_US, 1), *read(JUNE_US, 2, dataset="port-authority.flights")])
    assert [line.dataset for line in lines(connection)] == ["port.flights"]


def test_what_a_question_holds_is_never_sql(index: Any) -> None:
    connection = index(read(JUNE_US, 1))
    for hostile in ("port.flights' OR 1=1 --", "port.' UNION SELECT 1", "port.%", 'port."x'):
        assert lines(connection, dataset=hostile) == ()
    assert lines(connection, "port' OR 'a'='a") == ()


def test_a_delivery_counts_when_it_ended_so_that_periods_add_up(index: Any) -> None:
    decision = asked(JUNE_US + DAY_US - 1)
    connection = index([decision, ended(decision, 7)])
    noon = JUNE_US + DAY_US
    (before,) = lines(connection, until_us=noon)
    (after,) = lines(connection, since_us=noon)
    assert (before.granted, before.rows, before.purpose) == (1, 0, "emergency-response")
    assert (after.granted, after.rows, after.purpose) == (0, 7, "emergency-response")


@pytest.mark.parametrize(
    ("by", "told"),
    [
        (Dimension.DATASET, {"port.flights", "port.ships"}),
        (Dimension.CONSUMER, {DISPATCH, PRESS}),
        (Dimension.PURPOSE, {"emergency-response", "press-inquiry"}),
        (Dimension.DAY, {"2026-06-01", "2026-06-02"}),
    ],
)
def test_lines_are_told_apart_by_one_dimension(index: Any, by: Dimension, told: set[str]) -> None:
    connection = index(
        [
            *read(JUNE_US, 1),
            *read(JUNE_US + DAY_US, 2, subject=PRESS, dataset="port.ships", purpose="press-inquiry"),
        ]
    )
    found = lines(connection, by=(by,))
    assert {getattr(line, by) for line in found} == told
    others = set(Dimension) - {by}
    assert {getattr(line, other) for line in found for other in others} == {""}


def test_more_than_fits_is_cut_and_said(index: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = index([*read(JUNE_US, 1), *read(JUNE_US, 2, purpose="stewardship")])
    monkeypatch.setattr(counting, "LINES_MAX", 1)
    found = usage(connection, "port", UsageQuestion())
    assert (len(found.lines), found.truncated) == (1, True)
    assert found.lines[0].rows == 2
    monkeypatch.setattr(counting, "LINES_CHARS_MAX", 1)
    assert usage(connection, "port", UsageQuestion()).lines == ()


def test_an_answer_says_on_how_many_records_it_stands(index: Any) -> None:
    assert usage(index(read(JUNE_US, 1)), "port", UsageQuestion()).records == 2
    assert usage(index([]), "port", UsageQuestion()) == usage(index([]), "weather", UsageQuestion())
