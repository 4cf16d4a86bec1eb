"""The report's series and figures: how many, by day and by hour."""

from __future__ import annotations

from exchange.audit.reports.period import day, day_number
from exchange.audit.reports.questions import Questions
from exchange.audit.reports.report import Pattern, Point

_BY = """
SELECT label, sum(granted)::BIGINT, sum(refused)::BIGINT, sum(rows)::BIGINT FROM (
  SELECT us // $unit % $modulus AS label, allowed::INT AS granted, (NOT allowed)::INT AS refused, 0 AS rows
  FROM asked WHERE us >= $since AND us < $until
  UNION ALL
  SELECT us // $unit % $modulus, 0, 0, rows FROM ended WHERE us >= $since AND us < $until
) GROUP BY label ORDER BY label
"""
_HOUR_US = 3_600_000_000
_DAY_US = 24 * _HOUR_US
_ALL_DAYS = 1 << 32
DAYS_MAX = 3_700
"""A longer series is told from its first day with a record to its last."""

_TOTALS = """
SELECT count(*), count(*) FILTER (allowed), count(*) FILTER (NOT allowed), count(DISTINCT subject),
       count(DISTINCT dataset) FILTER (allowed)
FROM asked WHERE us >= $since AND us < $until
"""
_DELIVERED = """
SELECT count(*) FILTER (outcome = 'complete'), count(*) FILTER (outcome <> 'complete'),
       coalesce(sum(rows), 0)::BIGINT, coalesce(sum(bytes), 0)::BIGINT
FROM ended WHERE us >= $since AND us < $until
"""


def by_day(questions: Questions) -> tuple[Point, ...]:
    """Every day of the period, also those on which nothing happened."""
    found = {row[0]: row[1:] for row in questions.ask(_BY, unit=_DAY_US, modulus=_ALL_DAYS)}
    period = questions.period
    first, last = day_number(period.since_us), day_number(period.until_us - 1)
    if last - first >= DAYS_MAX:
        first, last = (min(found), max(found)) if found else (last, last)
    return tuple(_point(day(number), found.get(number)) for number in range(first, last + 1))


def by_hour(questions: Questions) -> tuple[Point, ...]:
    """The 24 hours of the day, UTC."""
    found = {row[0]: row[1:] for row in questions.ask(_BY, unit=_HOUR_US, modulus=24)}
    return tuple(_point(f"{hour:02d}", found.get(hour)) for hour in range(24))


def figures(
    questions: Questions, newcomers: int, publications: int, revocations: int, patterns: tuple[Pattern, ...]
) -> tuple[tuple[str, int], ...]:
    """The numbers at the head of the report."""
    ((asked, granted, refused, consumers, datasets),) = questions.ask(_TOTALS)
    ((complete, broken, rows, size),) = questions.ask(_DELIVERED)
    return (
        ("requests", asked),
        ("granted", granted),
        ("refused", refused),
        ("consumers", consumers),
        ("datasets granted", datasets),
        ("rows delivered", rows),
        ("bytes delivered", size),
        ("complete deliveries", complete),
        ("failed deliveries", broken),
        ("first-time readers", newcomers),
        ("policy publications", publications),
        ("revocations", revocations),
        ("unusual patterns", len(patterns)),
    )


def _point(label: str, row: tuple[int, ...] | None) -> Point:
    granted, refused, rows = row or (0, 0, 0)
    return Point(label=label, granted=granted, refused=refused, rows=rows)
