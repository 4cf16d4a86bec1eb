"""The few relations that every question of a report is asked of, and how it is asked: with parameters only.

`asked` are decisions, `ended` what connectors signed at the end of a stream, with the purpose of the decision
that the stream stood on. Both hold all of the log up to the checkpoint: what is unusual is judged by history.
"""

from __future__ import annotations

from typing import Any

from exchange.audit.reports.period import Period
from exchange.audit.reports.report import Scope

_RELATIONS = """
WITH scoped AS (
  SELECT index AS place, epoch_us(time) AS us, * EXCLUDE (index, time) FROM records
  WHERE index < $size AND ($department = '' OR starts_with(dataset, $department || '.'))
    AND ($dataset = '' OR dataset = $dataset)
), asked AS (
  SELECT place, us, id, coalesce(subject, '') AS subject, coalesce(dataset, '') AS dataset,
         coalesce(purpose, '') AS purpose, decision = 'allow' AS allowed, coalesce(reason, '') AS reason,
         coalesce(public_reason, '') AS public_reason, revision, columns_count
  FROM scoped WHERE kind = 'decision'
), purposes AS (
  SELECT id, any_value(purpose) AS purpose FROM asked WHERE allowed GROUP BY id
), ended AS (
  SELECT s.place, s.us, s.id, coalesce(s.subject, '') AS subject, coalesce(s.dataset, '') AS dataset,
         coalesce(p.purpose, '') AS purpose, coalesce(s.outcome, '') AS outcome,
         coalesce(s.reason, '') AS reason, coalesce(s.rows, 0) AS rows, coalesce(s.bytes, 0) AS bytes
  FROM scoped AS s LEFT JOIN purposes AS p USING (id) WHERE s.kind = 'end'
), published AS (
  SELECT index AS place, epoch_us(time) AS us, coalesce(department, '') AS department,
         coalesce(subject, '') AS subject, revision, previous, coalesce(outcome, '') AS outcome,
         coalesce(reason, '') AS reason, coalesce(message, '') AS message
  FROM records
  WHERE kind = 'publication' AND index < $size AND ($owner = '' OR department IN ($owner, 'city'))
)
"""
Row = tuple[Any, ...]


class Questions:
    """Asks the index about one scope and one period, up to one checkpoint."""

    def __init__(self, index: Any, scope: Scope, period: Period, size: int) -> None:
        """Nothing is asked yet.

        Args:
            index: a connection with the view `records`.
            scope: whose data.
            period: in which time.
            size: of the log's checkpoint; records beyond it are not looked at.
        """
        self._index = index
        self.period = period
        self._parameters = {
            "size": size,
            "department": scope.department,
            "dataset": scope.dataset,
            "owner": scope.owner,
            "since": period.since_us,
            "until": period.until_us,
        }

    def ask(self, select: str, **parameters: int) -> list[Row]:
        """The rows of a SELECT over `scoped`, `asked`, `ended` and `published`.

        Args:
            select: text of this package, with $since and $until; never anybody's words.
            parameters: more of them.
        """
        query = _RELATIONS + select
        given = {**self._parameters, **parameters}
        named = {name: value for name, value in given.items() if f"${name}" in query}
        rows: list[Row] = self._index.execute(query, named).fetchall()
        return rows
