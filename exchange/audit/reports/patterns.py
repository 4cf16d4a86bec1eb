"""What is unusual in a period, judged by each subject's own history: a sentence, and records to read.

These are reasons to look, and no proof: a subject without a history shows none of them but refusals.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from statistics import median_high

from exchange.audit.reports.period import day, minute
from exchange.audit.reports.questions import Questions, Row
from exchange.audit.reports.report import Pattern

RECORDS_MAX = 5
EACH_MAX = 200
"""Of one kind; the gravest first."""
HISTORY_REQUESTS = 50
HISTORY_DAYS = 7
VOLUME_DAYS = 7
VOLUME_DEVIATIONS = 9
"""Times the median absolute deviation, which is six standard deviations where volumes are normal."""
VOLUME_TIMES = 3
BURST_REFUSALS = 20
PROBED_DATASETS = 5
PURPOSE_REQUESTS = 10
WIDENED_WITHIN_US = 3_600_000_000

_HOURS = """
, buckets AS (
  SELECT subject, us // 3600000000 AS bucket, count(*) AS n, min(us) AS first,
         list(place ORDER BY place)[1:$few] AS seen
  FROM asked WHERE us < $until GROUP BY ALL
), ranked AS (
  SELECT subject, bucket % 24 AS hour, n, first, seen,
         (sum(n) OVER (PARTITION BY subject ORDER BY bucket) - n)::BIGINT AS before,
         dense_rank() OVER (PARTITION BY subject ORDER BY bucket // 24) - 1 AS days,
         row_number() OVER (PARTITION BY subject, bucket % 24 ORDER BY bucket) AS nth
  FROM buckets
)
SELECT subject, hour, n, first, before, days, seen FROM ranked
WHERE nth = 1 AND before >= $requests AND days >= $days AND first >= $since
ORDER BY before DESC, subject, hour LIMIT $each
"""

_VOLUMES = """
SELECT subject, dataset, us // 86400000000 AS day, sum(rows)::BIGINT, max(us),
       list(place ORDER BY place)[1:$few]
FROM ended WHERE us < $until AND rows > 0
GROUP BY subject, dataset, day ORDER BY subject, dataset, day
"""

_BURSTS = """
SELECT subject, arg_max(bucket, n), max(n), count(*), arg_max(seen, n) FROM (
  SELECT subject, us // 600000000 AS bucket, count(*) AS n, list(place ORDER BY place)[1:$few] AS seen
  FROM asked WHERE NOT allowed AND us >= $since AND us < $until
  GROUP BY ALL HAVING n >= $refusals ORDER BY subject, bucket
) GROUP BY subject ORDER BY max(n) DESC, subject LIMIT $each
"""

_PROBING = """
SELECT subject, arg_max(bucket, n), max(n), count(*), arg_max(seen, n) FROM (
  SELECT subject, us // 3600000000 AS bucket, count(DISTINCT dataset) AS n,
         list(place ORDER BY place)[1:$few] AS seen
  FROM asked WHERE NOT allowed AND us >= $since AND us < $until
  GROUP BY ALL HAVING n >= $datasets ORDER BY subject, bucket
) GROUP BY subject ORDER BY max(n) DESC, subject LIMIT $each
"""

_PURPOSES = """
, firsts AS (
  SELECT subject, purpose, min(place) AS place, min(us) AS us, bool_or(allowed) AS granted, count(*) AS n,
         list(place ORDER BY place)[1:$few] AS seen
  FROM asked WHERE us < $until AND purpose <> '' GROUP BY subject, purpose HAVING min(us) >= $since
)
SELECT f.subject, f.purpose, f.us, f.n, f.granted, count(*) AS before, f.seen
FROM firsts AS f JOIN asked AS a ON a.subject = f.subject AND a.place < f.place
GROUP BY ALL HAVING before >= $requests ORDER BY before DESC, f.subject, f.purpose LIMIT $each
"""

_WIDENED = """
, each AS (
  SELECT subject, dataset, purpose, revision, count(*) FILTER (allowed) AS granted,
         count(*) FILTER (NOT allowed) AS refused, max(columns_count) FILTER (allowed) AS columns,
         min(us) FILTER (allowed) AS us, min(place) FILTER (allowed) AS place
  FROM asked WHERE us < $until GROUP BY ALL
), compared AS (
  SELECT *, coalesce(sum(granted) OVER earlier, 0)::BIGINT AS granted_before,
         coalesce(sum(refused) OVER earlier, 0)::BIGINT AS refused_before,
         coalesce(max(columns) OVER earlier, 0) AS columns_before
  FROM each WINDOW earlier AS (
    PARTITION BY subject, dataset, purpose ORDER BY revision ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
  )
)
SELECT c.subject, c.dataset, c.purpose, c.revision, c.us - p.us AS later, c.granted_before, c.refused_before,
       c.columns_before, c.columns, [p.place, c.place]
FROM compared AS c JOIN published AS p ON p.revision = c.revision AND p.outcome = 'published'
WHERE c.us >= $since AND c.us - p.us BETWEEN 0 AND $within
  AND ((c.granted_before = 0 AND c.refused_before > 0)
       OR (c.granted_before > 0 AND c.columns > c.columns_before))
ORDER BY later, c.place LIMIT $each
"""


def patterns(questions: Questions) -> tuple[Pattern, ...]:
    """What is unusual, kind by kind, the gravest of each first."""
    found = (volumes, hours, refusals, probing, purposes, widened)
    return tuple(pattern for find in found for pattern in find(questions))


def hours(questions: Questions) -> Iterator[Pattern]:
    """An hour of the day in which this subject had never asked before."""
    rows = questions.ask(_HOURS, few=RECORDS_MAX, requests=HISTORY_REQUESTS, days=HISTORY_DAYS, each=EACH_MAX)
    for subject, hour, n, first, before, days, seen in rows:
        yield Pattern(
            what="hour",
            title="An hour never used before",
            subject=subject,
            sentence=f"asked {_times(n)} from {hour:02d}:00 to {hour:02d}:59 UTC on {minute(first)[:10]}, "
            f"an hour of the day in which none of its {before} requests on {days} days before had fallen",
            records=tuple(seen),
        )


def volumes(questions: Questions) -> list[Pattern]:
    """A day on which far more rows went to a subject than on the days before."""
    since_us = questions.period.since_us
    found = [
        (rows / max(1, usual), _volume(row, usual))
        for series in _series(questions.ask(_VOLUMES, few=RECORDS_MAX))
        for place, row in enumerate(series)
        for rows, usual in [(row[3], unusual(row[3], [earlier[3] for earlier in series[:place]]))]
        if usual is not None and row[4] >= since_us
    ]
    found.sort(key=lambda pair: (-pair[0], pair[1].subject, pair[1].records))
    return [pattern for _, pattern in found[:EACH_MAX]]


def unusual(rows: int, history: Sequence[int]) -> int | None:
    """The median of the history, if the number lies far above it; None if it does not, or history is short.

    Median and median absolute deviation are not moved by a few great days of the past, as mean and standard
    deviation are: who once took everything does not buy himself the right to do it again unseen.
    """
    if len(history) < VOLUME_DAYS:
        return None
    usual = median_high(history)
    deviation = median_high([abs(one - usual) for one in history])
    far = rows > usual + VOLUME_DEVIATIONS * deviation and rows > VOLUME_TIMES * usual
    return usual if far else None


def refusals(questions: Questions) -> Iterator[Pattern]:
    """Many refusals within ten minutes."""
    rows = questions.ask(_BURSTS, few=RECORDS_MAX, refusals=BURST_REFUSALS, each=EACH_MAX)
    for subject, bucket, n, spells, seen in rows:
        yield Pattern(
            what="refusals",
            title="A burst of refusals",
            subject=subject,
            sentence=f"was refused {_times(n)} within ten minutes from {minute(bucket * 600_000_000)} UTC"
            + _spells(spells),
            records=tuple(seen),
        )


def probing(questions: Questions) -> Iterator[Pattern]:
    """Many datasets asked for in vain within an hour."""
    rows = questions.ask(_PROBING, few=RECORDS_MAX, datasets=PROBED_DATASETS, each=EACH_MAX)
    for subject, bucket, n, spells, seen in rows:
        yield Pattern(
            what="probing",
            title="Probing of datasets",
            subject=subject,
            sentence=f"was refused {n} different datasets within one hour from "
            f"{minute(bucket * 3_600_000_000)} UTC" + _spells(spells),
            records=tuple(seen),
        )


def purposes(questions: Questions) -> Iterator[Pattern]:
    """A purpose that this subject had never named before."""
    rows = questions.ask(_PURPOSES, few=RECORDS_MAX, requests=PURPOSE_REQUESTS, each=EACH_MAX)
    for subject, purpose, first, n, granted, before, seen in rows:
        yield Pattern(
            what="purpose",
            title="First use of a purpose",
            subject=subject,
            sentence=f"named the purpose {purpose} for the first time at {minute(first)} UTC and {_times(n)} "
            f"in all, {'and it was granted' if granted else 'and it was refused'}; "
            f"none of its {before} requests before had named it",
            records=tuple(seen),
        )


def widened(questions: Questions) -> Iterator[Pattern]:
    """A read that became possible by a publication less than an hour before it."""
    rows = questions.ask(_WIDENED, within=WIDENED_WITHIN_US, each=EACH_MAX)
    for subject, dataset, purpose, revision, later, granted, refused, had, has, seen in rows:
        before = (
            f"before, it had been given at most {had} columns, and now {has}"
            if granted
            else f"before, it had been refused {_times(refused)}"
        )
        yield Pattern(
            what="widened",
            title="A read just after a policy widened",
            subject=subject,
            sentence=f"was granted {dataset} for {purpose} {_after(later)} revision {revision} "
            f"came into force; {before}",
            records=tuple(seen),
        )


def _series(rows: Iterable[Row]) -> list[list[Row]]:
    """The days of each subject and dataset, in order."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row[0], row[1]), []).append(row)
    return list(found.values())


def _volume(row: Row, usual: int | None) -> Pattern:
    subject, dataset, number, rows, _, seen = row
    return Pattern(
        what="volume",
        title="Far more rows than ever before",
        subject=subject,
        sentence=f"received {rows:,} rows of {dataset} on {day(number)}, where {usual or 0:,} are usual "
        "for it (the median of its days before)",
        records=tuple(seen),
    )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _spells(count: int) -> str:
    return f"; there were {count} such spells" if count > 1 else ""


def _after(later_us: int) -> str:
    minutes = later_us // 60_000_000
    return "less than a minute after" if minutes == 0 else f"{minutes} min after"
