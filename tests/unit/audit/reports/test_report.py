"""A period's report: who read what, how much, what was refused, what changed, on what it stands."""

from __future__ import annotations

from typing import Any

import pytest
from told import DAY_US, DISPATCH, HOUR_US, JUNE_US, PRESS, access, asked, ended, published, read

from exchange.audit.reports import tables
from exchange.audit.reports.gather import gather
from exchange.audit.reports.period import Period
from exchange.audit.reports.report import Basis, Report, Scope
from exchange.errors import ConfigError

WEEK = Period.parse("2026-06-01", "2026-06-07")
LATER = JUNE_US + 2 * DAY_US


def reported(connection: Any, size: int = 10_000, period: Period = WEEK, **scope: str) -> Report:
    basis = Basis(origin="zhongshui.example/audit", size=size, root="ab" * 32)
    return gather(connection, basis, Scope(**scope), period)


def test_readers_are_told_with_their_purposes_counts_and_where_to_look_them_up(index: Any) -> None:
    found = reported(
        index([*read(JUNE_US, 10), asked(JUNE_US + HOUR_US, reason="no-grant"), *read(LATER, 5)])
    )
    (row,) = found.table("readers").rows
    assert row == (
        DISPATCH,
        "port.flights",
        "emergency-response",
        2,
        1,
        2,
        0,
        15,
        150,
        "2026-06-01 00:00:00",
        "2026-06-03 00:01:00",
        0,
        4,
    )
    figures = dict(found.figures)
    assert (figures["requests"], figures["granted"], figures["refused"]) == (3, 2, 1)
    assert (figures["rows delivered"], figures["bytes delivered"]) == (15, 150)


def test_what_lies_outside_the_period_or_beyond_the_checkpoint_is_not_in_it(index: Any) -> None:
    records = [*read(JUNE_US - HOUR_US, 1), *read(JUNE_US, 2), *read(JUNE_US + 7 * DAY_US, 4)]
    assert dict(reported(index(records)).figures)["rows delivered"] == 2
    assert dict(reported(index(records), size=3).figures)["rows delivered"] == 0


@pytest.mark.parametrize(
    ("scope", "rows"),
    [({}, 7), ({"department": "port"}, 3), ({"dataset": "port.flights"}, 1), ({"department": "por"}, 0)],
)
def test_a_report_is_of_one_department_or_one_dataset(index: Any, scope: dict[str, str], rows: int) -> None:
    records = [
        *read(JUNE_US, 1),
        *read(JUNE_US, 2, dataset="port.ships"),
        *read(JUNE_US, 4, dataset="weather.observations"),
    ]
    assert dict(reported(index(records), **scope).figures)["rows delivered"] == rows


def test_refusals_are_told_by_reason_whoever_refused(index: Any) -> None:
    records = [
        asked(JUNE_US, reason="no-grant"),
        asked(JUNE_US + 1, reason="no-grant", subject=PRESS),
        {
            "kind": "refusal",
            "us": LATER,
            "dataset": "port.flights",
            "reason": "ticket-used",
            "subject": PRESS,
        },
    ]
    rows = reported(index(records)).table("refusals").rows
    assert [row[:6] for row in rows] == [
        ("broker", "no-grant", "not-granted", "port.flights", 2, 2),
        ("connector", "ticket-used", "ticket-used", "port.flights", 1, 1),
    ]


def test_a_first_time_reader_is_one_who_was_never_granted_the_dataset_before(index: Any) -> None:
    records = [*read(JUNE_US - DAY_US, 1), *read(JUNE_US, 1), *read(LATER, 1, subject=PRESS)]
    (row,) = reported(index(records)).table("newcomers").rows
    assert row == ("2026-06-03 00:00:00", 4, PRESS, "port.flights", "emergency-response", 1)


def test_deliveries_that_failed_or_have_no_end_are_listed(index: Any) -> None:
    broken, silent = asked(JUNE_US), asked(LATER)
    start = {"kind": "start", "us": LATER, "id": silent["id"], "subject": DISPATCH, "dataset": "port.flights"}
    records = [broken, ended(broken, 3, outcome="failed", reason="source-failed"), silent, start]
    rows = reported(index(records)).table("failures").rows
    assert [(row[1], row[5], row[6], row[7]) for row in rows] == [
        (1, "failed", "source-failed", 3),
        (3, "no end", "", 0),
    ]
    assert rows[1][4] == "emergency-response"


def test_a_delivery_without_a_decision_does_not_hide_others_that_have_no_end(index: Any) -> None:
    nameless = {"kind": "end", "us": JUNE_US, "dataset": "port.flights", "outcome": "complete"}
    start = {"kind": "start", "us": LATER, "id": access(), "subject": DISPATCH, "dataset": "port.flights"}
    assert [row[5] for row in reported(index([nameless, start])).table("failures").rows] == ["no end"]


def test_publications_of_the_owner_and_the_city_and_revocations_are_listed(index: Any) -> None:
    records = [
        published(JUNE_US, 2),
        published(JUNE_US, 3, department="city"),
        published(JUNE_US, 4, department="weather"),
        {
            "kind": "revocation",
            "us": LATER,
            "id": "f" * 32,
            "subject": DISPATCH,
            "dataset": "port.flights",
            "purpose": "emergency-response",
            "reason": "narrowed",
            "revision": 4,
            "previous": 1,
        },
    ]
    found = reported(index(records), dataset="port.flights")
    assert [row[2] for row in found.table("publications").rows] == ["port", "city"]
    assert found.table("revocations").rows == (
        (
            "2026-06-03 00:00:00",
            3,
            DISPATCH,
            "port.flights",
            "emergency-response",
            "narrowed",
            1,
            4,
            "f" * 32,
        ),
    )
    assert len(reported(index(records)).table("publications").rows) == 3


def test_every_day_and_every_hour_has_its_place(index: Any) -> None:
    found = reported(index([*read(JUNE_US + 5 * HOUR_US, 10), asked(LATER, reason="no-grant")]))
    assert [(p.label, p.granted, p.refused, p.rows) for p in found.days[:3]] == [
        ("2026-06-01", 1, 0, 10),
        ("2026-06-02", 0, 0, 0),
        ("2026-06-03", 0, 1, 0),
    ]
    assert len(found.days) == 7
    assert [p.label for p in found.hours if p.granted or p.refused] == ["00", "05"]


def test_figures_count_what_a_table_has_no_room_for(index: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "ROWS_MAX", 1)
    found = reported(index([*read(JUNE_US, 1), *read(LATER, 1, subject=PRESS)]))
    assert (len(found.table("newcomers").rows), found.table("newcomers").left_out) == (1, 1)
    assert dict(found.figures)["first-time readers"] == 2


def test_an_empty_log_gives_an_empty_report(index: Any) -> None:
    found = reported(index([]))
    assert {value for _, value in found.figures} == {0}
    assert all(table.rows == () for table in found.tables)


@pytest.mark.parametrize(
    ("since", "until", "text"),
    [
        ("2026-06-01", "2026-06-30", "2026-06-01 to 2026-06-30"),
        ("2026-06-01", "2026-06-01", "2026-06-01"),
        ("2026-06-01T08:00:00+08:00", "2026-06-01T10:30:00", "2026-06-01 00:00 to 2026-06-01 10:30"),
    ],
)
def test_a_period_is_of_days_or_moments(since: str, until: str, text: str) -> None:
    assert Period.parse(since, until).text == text


@pytest.mark.parametrize(
    ("since", "until"),
    [
        ("yesterday", "2026-06-01"),
        ("2026-06-31", "2026-07-01"),
        ("1969-01-01", "2026-01-01"),
        ("", "2026-01-01"),
    ],
)
def test_what_is_no_moment_is_refused(since: str, until: str) -> None:
    with pytest.raises(ConfigError, match="neither a day nor a moment"):
        Period.parse(since, until)
    with pytest.raises(ConfigError, match="before it begins"):
        Period.parse("2026-06-02", "2026-06-01")
