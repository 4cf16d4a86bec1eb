"""A report from an index: every question asked, every answer in its place."""

from __future__ import annotations

from typing import Any

from exchange.audit.reports import figures, tables
from exchange.audit.reports.patterns import patterns
from exchange.audit.reports.period import Period
from exchange.audit.reports.questions import Questions
from exchange.audit.reports.report import Basis, Report, Scope


def gather(index: Any, basis: Basis, scope: Scope, period: Period) -> Report:
    """The report of a period.

    Args:
        index: a connection with the view `records` (`exchange.audit.index.reading.opened`) that covers at
            least the records of the basis.
        basis: the checkpoint it stands on; newer records are left to the next report.
        scope: whose data.
        period: a request counts when it was decided, a delivery when its end was signed.
    """
    questions = Questions(index, scope, period, basis.size)
    unusual = patterns(questions)
    counts = [tables.count(questions, name) for name in ("newcomers", "publications", "revocations")]
    return Report(
        basis=basis,
        scope=scope,
        period=period.text,
        since_us=period.since_us,
        until_us=period.until_us,
        figures=figures.figures(questions, counts[0], counts[1], counts[2], unusual),
        patterns=unusual,
        days=figures.by_day(questions),
        hours=figures.by_hour(questions),
        tables=(
            tables.readers(questions),
            tables.refusals(questions),
            tables.newcomers(questions),
            tables.failures(questions),
            tables.publications(questions),
            tables.revocations(questions),
        ),
    )
