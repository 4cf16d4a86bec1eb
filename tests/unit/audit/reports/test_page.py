"""The report's forms: a page without scripts, tables without formulas, the same bytes every time (T61)."""

from __future__ import annotations

import csv
import io
import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from told import DAY_US, JUNE_US, asked, published, read

from exchange.audit.reports.charts import BARS_MAX, GRANTED, REFUSED, bars, ceiling, together
from exchange.audit.reports.gather import gather
from exchange.audit.reports.markup import shown
from exchange.audit.reports.page import page
from exchange.audit.reports.period import Period
from exchange.audit.reports.report import Basis, Point, Report, Scope
from exchange.audit.reports.spreadsheet import safe, sheets

HOSTILE = "<script>alert(1)</script>\"' onload=x \u202egnp.exe\x1b[2J\x00&amp;]]>登记局"
BASIS = Basis(origin="zhongshui.example/audit", size=1000, root="ab" * 32)
VOID = {"meta", "line", "rect"}


def report_of(connection: Any, basis: Basis = BASIS) -> Report:
    return gather(connection, basis, Scope(), Period.parse("2026-06-01", "2026-06-30"))


def hostile_report(index: Any) -> Report:
    records = [
        *read(JUNE_US, 10, subject=HOSTILE, dataset=HOSTILE, purpose=HOSTILE),
        *[
            asked(JUNE_US + number, reason=HOSTILE, public_reason=HOSTILE, subject=HOSTILE)
            for number in range(30)
        ],
        published(JUNE_US, 2, message=HOSTILE, department="city"),
    ]
    return report_of(index(records), BASIS.model_copy(update={"remark": HOSTILE, "verified": "altered"}))


class Elements(HTMLParser):
    """Every element and attribute, and whether elements are closed in order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def elements(text: str) -> Elements:
    parser = Elements()
    parser.feed(text)
    assert parser.open == []
    return parser


def test_t61_nothing_that_a_record_holds_becomes_markup(index: Any) -> None:
    text = page(hostile_report(index))
    seen = elements(text)
    assert "script" not in seen.found
    assert not [name for name, _ in seen.attributes if name.startswith("on")]
    assert "&lt;script&gt;" in text
    assert "登记局" in text
    assert not [char for char in text if not char.isprintable() and char != "\n"]


def test_the_page_needs_nothing_from_outside(index: Any) -> None:
    text = page(hostile_report(index))
    seen = elements(text)
    assert not {"script", "link", "img", "iframe", "object", "form", "base"} & seen.found
    assert not [value for name, value in seen.attributes if name in {"src", "href", "action", "srcset"}]
    assert "@import" not in text
    assert not re.findall(r"url\((?!#)", text)
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in seen.attributes


def test_the_page_says_on_what_it_stands_and_how_to_check_it(index: Any) -> None:
    text = page(report_of(index(read(JUNE_US, 10))))
    for told in ("zhongshui.example/audit", "1,000 records", "ab" * 32, "2026-06-01 to 2026-06-30"):
        assert told in text
    assert "Not verified" in text
    assert "exchange audit verify LOG --key KEY" in text


@pytest.mark.parametrize(
    ("verified", "told"), [("yes", "Verified: every record"), ("altered", "ALTERED: verification failed")]
)
def test_the_page_says_whether_the_files_were_verified(index: Any, verified: Any, told: str) -> None:
    basis = BASIS.model_copy(update={"verified": verified, "remark": "record 5 was edited"})
    text = page(report_of(index([]), basis))
    assert told in text
    assert "record 5 was edited" in text


def test_a_chart_reads_without_colour_and_without_eyes() -> None:
    points = [Point(label="2026-06-01", granted=3, refused=1), Point(label="2026-06-02")]
    figure = bars("days", "Requests by day", points, (GRANTED, REFUSED))
    svg = ET.fromstring(figure[len("<figure>") : figure.index("</svg>") + 6])  # noqa: S314 - our own
    assert (svg.get("role"), svg.get("aria-labelledby")) == ("img", "days-t days-d")
    assert svg.findtext("title") == "Requests by day"
    described = "granted: 3 in all, most at 2026-06-01 (3); refused: 1 in all, most at 2026-06-01 (1)"
    assert svg.findtext("desc") == described
    fills = {rect.get("fill") for rect in svg.iter("rect")}
    assert "url(#days-h)" in fills


@given(st.lists(st.integers(0, 10**12), max_size=400))
def test_a_chart_keeps_every_number_however_long_the_series(values: list[int]) -> None:
    points = [Point(label=str(place), granted=value) for place, value in enumerate(values)]
    joined = together(points)
    assert len(joined) <= BARS_MAX
    assert sum(point.granted for point in joined) == sum(values)
    largest = max((point.granted for point in joined), default=0)
    assert largest <= ceiling(largest)
    assert ceiling(largest) % 4 == 0


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "  =1", "＝1+1", '=HYPERLINK("http://x")', "-", "=cmd|' /C calc'!A0"],
)
def test_t61_a_cell_is_never_a_formula(text: str) -> None:
    assert safe(text) == f"'{text}"


@given(st.text())
def test_t61_whatever_a_cell_holds_it_begins_like_text(text: str) -> None:
    found = safe(text)
    assert found.lstrip()[:1] not in {"=", "+", "-", "@", "\t", "\r"}
    assert "\n" not in found


def test_ordinary_text_and_numbers_pass_unharmed() -> None:
    assert [safe(cell) for cell in ("港务局", "a-b", "", 5)] == ["港务局", "a-b", "", "5"]


def test_there_is_a_sheet_for_each_table_and_each_reads_back(index: Any) -> None:
    report = hostile_report(index)
    found = dict(sheets(report))
    assert {"summary.csv", "unusual.csv", "days.csv", "hours.csv", "readers.csv", "refusals.csv"} < set(found)
    for table in report.tables:
        content = found[f"{table.name}.csv"].decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(content)))
        assert rows[0] == [column.name for column in table.columns]
        assert len(rows) == len(table.rows) + 1


def test_the_same_records_give_the_same_bytes(index: Any) -> None:
    records = [record for day in range(20) for record in read(JUNE_US + day * DAY_US, day)]
    first, second = (report_of(index(records)) for _ in range(2))
    assert page(first) == page(second)
    assert dict(sheets(first)) == dict(sheets(second))


def test_what_could_steer_a_reader_is_written_out() -> None:
    assert shown("\u202ex\x00<") == "\\u202ex\\u0000&lt;"
