"""Who used a department's data, how much of it and for what: one question to the index of the log.

A decision counts at the moment it was made, a delivery at the moment its connector signed its end; so the
periods of a calendar add up to the whole, whatever streams run across midnight.
"""

from __future__ import annotations

from typing import Any

from exchange.model.usage import MOMENT_US_MAX, Dimension, Usage, UsageLine, UsageQuestion

LINES_MAX = 5_000
LINES_CHARS_MAX = 2 << 20
"""What fits a message; names can be long."""

_QUERY = """
WITH asked AS (
  SELECT id, dataset, coalesce(subject, '') AS consumer, coalesce(purpose, '') AS purpose, decision,
         epoch_us(time) AS us
  FROM records
  WHERE kind = 'decision' AND starts_with(dataset, $own) AND ($dataset = '' OR dataset = $dataset)
), granted AS (
  SELECT id, any_value(purpose) AS purpose FROM asked WHERE decision = 'allow' GROUP BY id
), events AS (
  SELECT dataset, consumer, purpose, us, (decision = 'allow')::INT AS granted,
         (decision <> 'allow')::INT AS refused, 0 AS complete, 0 AS broken, 0 AS rows, 0 AS bytes
  FROM asked WHERE us >= $since AND us < $until
  UNION ALL
  SELECT ended.dataset, coalesce(ended.subject, ''), coalesce(granted.purpose, ''), epoch_us(ended.time),
         0, 0, (ended.outcome = 'complete')::INT, (ended.outcome <> 'complete')::INT, ended.rows, ended.bytes
  FROM records AS ended LEFT JOIN granted USING (id)
  WHERE ended.kind = 'end' AND starts_with(ended.dataset, $own)
    AND ($dataset = '' OR ended.dataset = $dataset)
    AND epoch_us(ended.time) >= $since AND epoch_us(ended.time) < $until
)
SELECT CASE WHEN $by_dataset THEN dataset ELSE '' END AS dataset,
       CASE WHEN $by_consumer THEN consumer ELSE '' END AS consumer,
       CASE WHEN $by_purpose THEN purpose ELSE '' END AS purpose,
       CASE WHEN $by_day THEN strftime(make_timestamp(us), '%Y-%m-%d') ELSE '' END AS day,
       sum(granted)::BIGINT AS granted, sum(refused)::BIGINT AS refused,
       sum(complete)::BIGINT AS complete, sum(broken)::BIGINT AS broken,
       sum(rows)::BIGINT AS rows, sum(bytes)::BIGINT AS bytes,
       min(us) AS first_us, max(us) AS last_us
FROM events
GROUP BY ALL
ORDER BY day DESC, rows DESC, granted DESC, dataset, consumer, purpose
LIMIT $most
"""


def usage(index: Any, department: str, question: UsageQuestion) -> Usage:
    """The use of a department's datasets, the newest day and the most rows first.

    Args:
        index: a connection with the view `records` (`exchange.audit.index.reading.opened`).
        department: whose datasets; others are not looked at, whatever the question names.
        question: which of them, when, and told apart by what.
    """
    found = index.execute(
        _QUERY,
        {
            "own": f"{department}.",
            "dataset": question.dataset,
            "since": question.since_us or 0,
            "until": MOMENT_US_MAX if question.until_us is None else question.until_us,
            "most": LINES_MAX + 1,
            **{f"by_{dimension}": dimension in question.by for dimension in Dimension},
        },
    )
    names = [column[0] for column in found.description]
    rows = found.fetchall()
    lines = [UsageLine(**dict(zip(names, row, strict=True))) for row in rows[:LINES_MAX]]
    fitting = _fitting(lines)
    records = index.execute("SELECT coalesce(max(index) + 1, 0) FROM records").fetchone()[0]
    return Usage(lines=tuple(fitting), truncated=len(fitting) < len(rows), records=records)


def _fitting(lines: list[UsageLine]) -> list[UsageLine]:
    room = LINES_CHARS_MAX
    for place, line in enumerate(lines):
        room -= 4 * (len(line.dataset) + len(line.consumer) + len(line.purpose)) + 128
        if room < 0:
            return lines[:place]
    return lines
