"""A report as one HTML file: no script, nothing from outside, every value escaped; it prints well."""

from __future__ import annotations

from importlib.resources import files

from exchange.audit.reports import charts
from exchange.audit.reports.markup import number, shown, size
from exchange.audit.reports.report import Basis, Cell, Column, Pattern, Report, Table

ROWS_SHOWN = 500
"""Of one table on the page; CSV and JSON have all that the report has."""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_VERIFIED = {
    "yes": "Verified: every record up to this checkpoint is exactly what the log signed.",
    "no": "Not verified: this report was made without the log's public key. Verify before relying on it.",
    "altered": "ALTERED: verification failed. Nothing in this report can be relied on.",
}


def page(report: Report) -> str:
    """The whole file."""
    title = f"Access report: {report.scope.text}, {report.period}"
    style = files("exchange.audit.reports").joinpath("report.css").read_text(encoding="utf-8")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{shown(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f"<header>\n{_head(report)}</header>\n<main>\n{_main(report)}</main>\n"
        f"<footer>\n{_foot(report)}</footer>\n</body>\n</html>\n"
    )


def _head(report: Report) -> str:
    return (
        f'<p class="kicker">Audit log of {shown(report.basis.origin.removesuffix("/audit"))}</p>\n'
        f"<h1>Access report: <bdi>{shown(report.scope.text)}</bdi></h1>\n"
        f'<p class="lead">{shown(report.period)}, times in UTC</p>\n{_basis(report.basis)}'
    )


def _basis(basis: Basis) -> str:
    remark = f"<dt>Verification found</dt><dd>{shown(basis.remark)}</dd>\n" if basis.remark else ""
    return (
        f'<section class="basis {basis.verified}" aria-label="What this report stands on">\n<dl>\n'
        f'<dt>Log</dt><dd class="mono">{shown(basis.origin)}</dd>\n'
        f"<dt>Checkpoint</dt><dd>{number(basis.size)} records</dd>\n"
        f'<dt>Root</dt><dd class="mono">{shown(basis.root)}</dd>\n'
        f"<dt>Files</dt><dd><strong>{_VERIFIED[basis.verified]}</strong></dd>\n{remark}</dl>\n</section>\n"
    )


def _main(report: Report) -> str:
    figures = "".join(
        f"<li><b>{size(value) if name.startswith('bytes') else number(value)}</b><span>{name}</span></li>\n"
        for name, value in report.figures
    )
    granted = (charts.GRANTED, charts.REFUSED)
    return (
        f'<section aria-label="Figures">\n<ul class="figures">\n{figures}</ul>\n</section>\n'
        f"{_patterns(report.patterns)}"
        '<section>\n<h2 id="course">Course</h2>\n'
        f"{charts.bars('days', 'Requests by day, granted and refused', report.days, granted)}\n"
        f"{charts.bars('rows', 'Rows delivered by day', report.days, (charts.ROWS,))}\n"
        f"{charts.bars('hours', 'Requests by hour of the day (UTC)', report.hours, granted)}\n</section>\n"
        + "".join(map(_table, report.tables))
    )


def _patterns(patterns: tuple[Pattern, ...]) -> str:
    head = (
        '<section>\n<h2 id="unusual">Unusual patterns</h2>\n<p class="note">Judged by each subject’s own '
        "history in this log. Each is a reason to look at the records named, and no proof of anything.</p>\n"
    )
    if not patterns:
        return head + '<p class="empty">None in this period.</p>\n</section>\n'
    items = "".join(
        f'<li><b>{shown(pattern.title)}</b><bdi class="mono">{shown(pattern.subject)}</bdi> '
        f"<bdi>{shown(pattern.sentence)}</bdi>. "
        f'<span class="note">Records {", ".join(map(str, pattern.records))}.</span></li>\n'
        for pattern in patterns
    )
    return f'{head}<ol class="patterns">\n{items}</ol>\n</section>\n'


def _table(table: Table) -> str:
    title = f'<section>\n<h2 id="{table.name}">{shown(table.title)}</h2>\n'
    if not table.rows:
        return f'{title}<p class="empty">None in this period.</p>\n</section>\n'
    head = "".join(f'<th scope="col"{_class(column)}>{shown(column.title)}</th>' for column in table.columns)
    body = "".join(f"<tr>{_cells(table, row)}</tr>\n" for row in table.rows[:ROWS_SHOWN])
    return (
        f'{title}<div class="wide"><table>\n<caption>{shown(table.note)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table></div>\n{_more(table)}</section>\n"
    )


def _cells(table: Table, row: tuple[Cell, ...]) -> str:
    pairs = zip(table.columns, row, strict=True)
    return "".join(f"<td{_class(column)}>{_cell(column, cell)}</td>" for column, cell in pairs)


def _cell(column: Column, cell: Cell) -> str:
    if column.sort == "bytes" and isinstance(cell, int):
        return size(cell)
    if isinstance(cell, int):
        # an index is looked up as it is written, so it has no commas
        return str(cell) if column.name.endswith("record") else number(cell)
    return f"<bdi>{shown(cell)}</bdi>"


def _class(column: Column) -> str:
    if column.sort != "text":
        return ' class="n"'
    return ' class="t"' if column.name in {"time", "first", "last"} else ""


def _more(table: Table) -> str:
    hidden = len(table.rows) - ROWS_SHOWN
    told = []
    if hidden > 0:
        told.append(f"{number(hidden)} more rows are in the CSV and JSON forms of this report.")
    if table.left_out:
        told.append("There are more than a report holds; ask for a shorter period, or one dataset.")
    return f'<p class="note">{" ".join(told)}</p>\n' if told else ""


def _foot(report: Report) -> str:
    return (
        '<h2 id="verify">How to check this report</h2>\n'
        "<p>Take the log’s public key from whoever runs the log, over a channel you trust, and a copy of the "
        "log (<code>exchange audit fetch</code>). Then prove that the copy is whole and has the root "
        "above:</p>\n"
        "<pre>exchange audit verify LOG --key KEY</pre>\n"
        "<p>The same log gives the same report, byte for byte. A record that the report names is read "
        "with:</p>\n"
        "<pre>exchange audit show LOG RECORD</pre>\n"
        f'<p class="note">A request counts when it was decided, a delivery when its connector signed its '
        f"end. The report covers records 0 to {number(max(0, report.basis.size - 1))}; it holds no "
        "value of any row of any dataset.</p>\n"
    )
