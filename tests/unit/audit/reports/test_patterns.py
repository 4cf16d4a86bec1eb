"""What is unusual: each pattern shows when it should, says why, names records, and stays silent otherwise."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from told import DAY_US, DISPATCH, HOUR_US, JUNE_US, MINUTE_US, PRESS, asked, published, read

from exchange.audit.reports.patterns import patterns, unusual
from exchange.audit.reports.period import Period
from exchange.audit.reports.questions import Questions
from exchange.audit.reports.report import Pattern, Scope

JUNE = Period.parse("2026-06-01", "2026-06-30")


def found(connection: Any, **scope: str) -> tuple[Pattern, ...]:
    return patterns(Questions(connection, Scope(**scope), JUNE, 100_000))


def history(rows: int = 100, days: int = 20, each: int = 3, hour: int = 9) -> list[dict[str, Any]]:
    """Reads of dispatch at nine o'clock on the days before June."""
    start = JUNE_US - days * DAY_US + hour * HOUR_US
    return [
        record
        for day in range(days)
        for number in range(each)
        for record in read(start + day * DAY_US + number * MINUTE_US, rows)
    ]


def test_an_ordinary_month_shows_nothing(index: Any) -> None:
    ordinary = [record for day in range(10) for record in read(JUNE_US + day * DAY_US + 9 * HOUR_US, 100)]
    assert found(index([*history(), *ordinary])) == ()


def test_an_hour_of_the_day_that_was_never_used(index: Any) -> None:
    records = [*history(), *read(JUNE_US + 3 * HOUR_US, 100)]
    (pattern,) = found(index(records))
    assert (pattern.what, pattern.subject) == ("hour", DISPATCH)
    assert "from 03:00 to 03:59 UTC on 2026-06-01" in pattern.sentence
    assert "none of its 60 requests on 20 days before" in pattern.sentence
    assert pattern.records == (120,)


def test_a_subject_without_a_history_has_no_unusual_hour(index: Any) -> None:
    assert found(index([*history(days=3), *read(JUNE_US + 3 * HOUR_US, 100)])) == ()


def test_a_volume_far_above_its_own_history(index: Any) -> None:
    records = [*history(), *read(JUNE_US + 9 * HOUR_US, 50_000)]
    (pattern,) = found(index(records))
    assert (pattern.what, pattern.records) == ("volume", (121,))
    assert "received 50,000 rows of port.flights on 2026-06-01, where 300 are usual" in pattern.sentence


def test_a_burst_of_refusals(index: Any) -> None:
    burst = [asked(JUNE_US + HOUR_US + number * 1_000_000, reason="no-grant") for number in range(25)]
    (pattern,) = found(index(burst))
    assert (pattern.what, pattern.records) == ("refusals", (0, 1, 2, 3, 4))
    assert pattern.sentence == "was refused 25 times within ten minutes from 2026-06-01 01:00 UTC"
    assert found(index(burst[:19])) == ()


def test_probing_of_many_datasets(index: Any) -> None:
    probes = [
        asked(JUNE_US + number * MINUTE_US, dataset=f"port.d{number}", reason="unknown-dataset")
        for number in range(6)
    ]
    (pattern,) = found(index(probes))
    assert (pattern.what, len(pattern.records)) == ("probing", 5)
    assert "was refused 6 different datasets within one hour" in pattern.sentence


def test_the_first_use_of_a_purpose(index: Any) -> None:
    records = [*history(), *read(JUNE_US + 9 * HOUR_US, 100, purpose="transport-research")]
    (pattern,) = found(index(records))
    assert (pattern.what, pattern.records) == ("purpose", (120,))
    assert "named the purpose transport-research for the first time at 2026-06-01 09:00" in pattern.sentence
    assert "it was granted; none of its 60 requests before had named it" in pattern.sentence


def widened_after(minutes: int) -> list[dict[str, Any]]:
    return [
        asked(JUNE_US, reason="no-grant", subject=PRESS),
        published(JUNE_US + HOUR_US, 2),
        asked(JUNE_US + HOUR_US + minutes * MINUTE_US, revision=2, subject=PRESS),
    ]


def test_a_read_just_after_a_policy_widened(index: Any) -> None:
    (pattern,) = found(index(widened_after(3)), department="port")
    assert (pattern.what, pattern.records) == ("widened", (1, 2))
    assert "3 min after revision 2 came into force; before, it had been refused once" in pattern.sentence


def test_a_read_long_after_a_policy_widened_is_what_it_was_widened_for(index: Any) -> None:
    assert found(index(widened_after(61)), department="port") == ()


def test_more_columns_than_ever_just_after_a_publication(index: Any) -> None:
    records = [
        *read(JUNE_US, 1, columns_count=4),
        published(JUNE_US + HOUR_US, 2),
        *read(JUNE_US + HOUR_US + 1, 1, columns_count=9, revision=2),
    ]
    (pattern,) = found(index(records))
    assert "less than a minute after revision 2" in pattern.sentence
    assert "at most 4 columns, and now 9" in pattern.sentence


@given(st.lists(st.integers(0, 10**6), min_size=7, max_size=60))
def test_a_number_within_its_history_is_never_unusual(numbers: list[int]) -> None:
    assert unusual(sorted(numbers)[len(numbers) // 2], numbers) is None


def test_one_great_day_in_the_past_does_not_hide_the_next() -> None:
    assert unusual(10**6, [100] * 20) == 100
    assert unusual(10**6, [100] * 20 + [10**6]) == 100
    assert unusual(10**6, [100] * 6) is None
    assert unusual(300, [100] * 20) is None
