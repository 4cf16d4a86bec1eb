"""A report as CSV files, one a table, that a spreadsheet opens as text and numbers and never as formulas."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from exchange.audit.reports.report import Cell, Point, Report

_FORMULA = frozenset("=+-@＝＋－＠")
"""What makes spreadsheets compute (OWASP, CSV injection), with the full-width forms that some take alike."""


def sheets(report: Report) -> Iterator[tuple[str, bytes]]:
    """File name and content of each: UTF-8 with a mark, as spreadsheets expect it, RFC 4180 line ends."""
    basis = report.basis
    about: list[tuple[str, Cell]] = [
        ("log", basis.origin),
        ("checkpoint_records", basis.size),
        ("root", basis.root),
        ("verified", basis.verified),
        ("remark", basis.remark),
        ("about", report.scope.text),
        ("period_utc", report.period),
        *report.figures,
    ]
    yield "summary.csv", _sheet(("name", "value"), about)
    patterns = [
        (one.what, one.subject, one.sentence, " ".join(map(str, one.records))) for one in report.patterns
    ]
    yield "unusual.csv", _sheet(("pattern", "subject", "sentence", "records"), patterns)
    yield "days.csv", _series("day", report.days)
    yield "hours.csv", _series("hour", report.hours)
    for table in report.tables:
        yield f"{table.name}.csv", _sheet([column.name for column in table.columns], table.rows)


def safe(cell: Cell) -> str:
    """The cell as a spreadsheet may read it: a text that could be a formula is led by an apostrophe."""
    if isinstance(cell, int):
        return str(cell)
    text = "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in cell)
    return f"'{text}" if text.lstrip()[:1] in _FORMULA else text


def _series(name: str, points: Sequence[Point]) -> bytes:
    rows = [(point.label, point.granted, point.refused, point.rows) for point in points]
    return _sheet((name, "granted", "refused", "rows"), rows)


def _sheet(head: Sequence[str], rows: Sequence[Sequence[Cell]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows([safe(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")
