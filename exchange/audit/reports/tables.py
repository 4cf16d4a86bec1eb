"""The report's tables: each one question, its columns and its words."""

from __future__ import annotations

from exchange.audit.reports.period import second
from exchange.audit.reports.questions import Questions, Row
from exchange.audit.reports.report import ROWS_MAX, Cell, Column, Table

_TIME = Column(name="time", title="Time (UTC)")
_RECORD = Column(name="record", title="Record", sort="number")
_SUBJECT = Column(name="subject", title="Subject")
_DATASET = Column(name="dataset", title="Dataset")
_PURPOSE = Column(name="purpose", title="Purpose")
_REASON = Column(name="reason", title="Reason")
_SPAN = (
    Column(name="first", title="First (UTC)"),
    Column(name="last", title="Last (UTC)"),
    Column(name="first_record", title="First record", sort="number"),
    Column(name="last_record", title="Last record", sort="number"),
)
_IN_PERIOD = "us >= $since AND us < $until"

_READERS = f"""
SELECT subject, dataset, purpose, sum(granted)::BIGINT AS granted, sum(refused)::BIGINT,
       sum(complete)::BIGINT, sum(broken)::BIGINT, sum(rows)::BIGINT AS total, sum(bytes)::BIGINT,
       min(us), max(us), min(place), max(place)
FROM (
  SELECT subject, dataset, purpose, place, us, allowed::INT AS granted, (NOT allowed)::INT AS refused,
         0 AS complete, 0 AS broken, 0 AS rows, 0 AS bytes
  FROM asked WHERE {_IN_PERIOD}
  UNION ALL
  SELECT subject, dataset, purpose, place, us, 0, 0, (outcome = 'complete')::INT,
         (outcome <> 'complete')::INT, rows, bytes
  FROM ended WHERE {_IN_PERIOD}
)
GROUP BY subject, dataset, purpose
ORDER BY total DESC, granted DESC, subject, dataset, purpose LIMIT $most
"""  # noqa: S608 - constants of this module

_REFUSALS = f"""
SELECT door, reason, told, dataset, count(*) AS n, count(DISTINCT subject), min(us), max(us),
       min(place), max(place)
FROM (
  SELECT 'broker' AS door, reason, public_reason AS told, dataset, subject, us, place
  FROM asked WHERE NOT allowed AND {_IN_PERIOD}
  UNION ALL
  SELECT 'connector', coalesce(reason, ''), coalesce(reason, ''), coalesce(dataset, ''),
         coalesce(subject, ''), us, place
  FROM scoped WHERE kind = 'refusal' AND {_IN_PERIOD}
)
GROUP BY door, reason, told, dataset ORDER BY n DESC, door, reason, told, dataset LIMIT $most
"""  # noqa: S608 - constants of this module

_NEWCOMERS = """
SELECT min(us) AS first, min(place), subject, dataset, arg_min(purpose, place), count(*) FILTER (us < $until)
FROM asked WHERE allowed
GROUP BY subject, dataset HAVING first >= $since AND first < $until
ORDER BY first, subject, dataset LIMIT $most
"""

_PUBLICATIONS = f"""
SELECT us, place, department, subject, previous, revision, outcome, reason, message
FROM published WHERE {_IN_PERIOD} ORDER BY place LIMIT $most
"""  # noqa: S608 - constants of this module

_REVOCATIONS = f"""
SELECT us, place, coalesce(subject, ''), dataset, coalesce(purpose, ''), coalesce(reason, ''), previous,
       revision, coalesce(id, '')
FROM scoped WHERE kind = 'revocation' AND {_IN_PERIOD} ORDER BY place LIMIT $most
"""  # noqa: S608 - constants of this module

_FAILURES = f"""
SELECT us, place, subject, dataset, purpose, outcome, reason, rows, id FROM (
  SELECT us, place, subject, dataset, purpose, outcome, reason, rows, id
  FROM ended WHERE outcome <> 'complete' AND {_IN_PERIOD}
  UNION ALL
  SELECT s.us, s.place, coalesce(s.subject, ''), s.dataset, coalesce(p.purpose, ''), 'no end', '', 0, s.id
  FROM scoped AS s LEFT JOIN purposes AS p USING (id)
  WHERE s.kind = 'start' AND {_IN_PERIOD}
    AND NOT EXISTS (SELECT 1 FROM ended WHERE ended.id = s.id)
)
ORDER BY place LIMIT $most
"""  # noqa: S608 - constants of this module


def readers(questions: Questions) -> Table:
    """Who read what for which purpose, how often and how much."""
    columns = (
        _SUBJECT,
        _DATASET,
        _PURPOSE,
        Column(name="granted", title="Granted", sort="number"),
        Column(name="refused", title="Refused", sort="number"),
        Column(name="complete", title="Complete", sort="number"),
        Column(name="failed", title="Failed", sort="number"),
        Column(name="rows", title="Rows", sort="number"),
        Column(name="bytes", title="Bytes", sort="bytes"),
        *_SPAN,
    )
    note = "Rows and bytes are what the owner's connector signed at the end of each delivery."
    rows = [(*row[:9], second(row[9]), second(row[10]), *row[11:]) for row in _ask(questions, _READERS)]
    return _table("readers", "Who read what, and for which purpose", note, columns, rows)


def refusals(questions: Questions) -> Table:
    """Refused attempts by reason."""
    columns = (
        Column(name="refused_by", title="Refused by"),
        _REASON,
        Column(name="told", title="Subject was told"),
        _DATASET,
        Column(name="times", title="Times", sort="number"),
        Column(name="subjects", title="Subjects", sort="number"),
        *_SPAN,
    )
    note = "The reason is the whole truth; a subject that was refused is told less."
    rows = [(*row[:6], second(row[6]), second(row[7]), *row[8:]) for row in _ask(questions, _REFUSALS)]
    return _table("refusals", "Refused attempts, by reason", note, columns, rows)


def newcomers(questions: Questions) -> Table:
    """Who was granted a dataset for the first time ever."""
    columns = (
        _TIME,
        _RECORD,
        _SUBJECT,
        _DATASET,
        _PURPOSE,
        Column(name="granted", title="Granted since", sort="number"),
    )
    note = "Granted a dataset in this period, and never before in this log."
    return _timed("newcomers", "First-time readers", note, columns, _ask(questions, _NEWCOMERS))


def publications(questions: Questions) -> Table:
    """Policies that came into force or were refused."""
    columns = (
        _TIME,
        _RECORD,
        Column(name="department", title="Department"),
        Column(name="steward", title="Steward"),
        Column(name="previous", title="From revision", sort="number"),
        Column(name="revision", title="To revision", sort="number"),
        Column(name="outcome", title="Outcome"),
        _REASON,
        Column(name="message", title="Steward's words"),
    )
    note = "Publications of the department's policy and of the city's, which binds every department."
    return _timed("publications", "Policy publications", note, columns, _ask(questions, _PUBLICATIONS))


def revocations(questions: Questions) -> Table:
    """Tickets that were taken back."""
    columns = (
        _TIME,
        _RECORD,
        _SUBJECT,
        _DATASET,
        _PURPOSE,
        _REASON,
        Column(name="granted_under", title="Granted under", sort="number"),
        Column(name="revoked_under", title="Revoked under", sort="number"),
        Column(name="access", title="Access id"),
    )
    note = "Tickets that a later policy did not allow any more; their streams were ended."
    return _timed("revocations", "Revocations", note, columns, _ask(questions, _REVOCATIONS))


def failures(questions: Questions) -> Table:
    """Deliveries that did not end complete."""
    columns = (
        _TIME,
        _RECORD,
        _SUBJECT,
        _DATASET,
        _PURPOSE,
        Column(name="outcome", title="Outcome"),
        _REASON,
        Column(name="rows", title="Rows", sort="number"),
        Column(name="access", title="Access id"),
    )
    note = "“no end”: a delivery began and its connector has signed no end of it up to the checkpoint."
    return _timed("failures", "Deliveries that failed", note, columns, _ask(questions, _FAILURES))


def count(questions: Questions, name: str) -> int:
    """How many rows the table has, also those that a report has no room for."""
    select = {"newcomers": _NEWCOMERS, "publications": _PUBLICATIONS, "revocations": _REVOCATIONS}[name]
    whole = select.replace("LIMIT $most", "")
    ((number,),) = questions.ask(f"SELECT count(*) FROM ({whole})")  # noqa: S608 - constants of this module
    return int(number)


def _ask(questions: Questions, select: str) -> list[Row]:
    return questions.ask(select, most=ROWS_MAX + 1)


def _timed(name: str, title: str, note: str, columns: tuple[Column, ...], rows: list[Row]) -> Table:
    return _table(name, title, note, columns, [(second(row[0]), *row[1:]) for row in rows])


def _table(
    name: str, title: str, note: str, columns: tuple[Column, ...], rows: list[tuple[Cell, ...]]
) -> Table:
    return Table(
        name=name,
        title=title,
        note=note,
        columns=columns,
        rows=tuple(tuple(0 if cell is None else cell for cell in row) for row in rows[:ROWS_MAX]),
        left_out=max(0, len(rows) - ROWS_MAX),
    )
