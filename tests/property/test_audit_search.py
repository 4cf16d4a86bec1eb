"""A search answers exactly what reading every record and looking at it would answer."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from log_written import line, written

from exchange.audit.index.build import refresh
from exchange.audit.index.question import Question
from exchange.audit.index.reading import opened
from exchange.audit.index.schema import COLUMNS, row_of
from exchange.audit.index.search import search
from exchange.audit.records.entry import KINDS
from exchange.audit.records.record import moment

WORDS = (
    "port.flights",
    "100%",
    "a_b",
    "尾号",
    "İstanbul ΣΑΣ",
    "Straße",
    "x\ny",
    "\x00",
    "abcd",
    "'; DROP",
    "",
)
TEXT = st.sampled_from(WORDS)
LIST = st.lists(st.sampled_from([word for word in WORDS if word]), max_size=3)
COUNT = st.integers(min_value=0, max_value=2**53 - 1)
FITTING = {
    "text": TEXT,
    "integer": COUNT,
    "list": LIST,
    "time": st.sampled_from(["", moment(1_795_000_000_000_000)]),
}
ANYTHING = st.one_of(TEXT, COUNT, LIST, st.none(), st.booleans(), st.just({"a": [1]}), st.just([1, "a"]))
SPARE = [name for name in COLUMNS if name not in {"index", "time", "kind"}]


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from([*sorted(KINDS)[:4], "future", "尚未"]))
    names = draw(st.lists(st.sampled_from(SPARE), unique=True, max_size=8))
    if kind in KINDS:
        return {"kind": kind, **{name: draw(FITTING[COLUMNS[name]]) for name in names}}
    return {"kind": kind, **{name: draw(ANYTHING) for name in names}}


QUESTIONS = st.builds(
    Question,
    subject=TEXT,
    department=TEXT,
    dataset=TEXT,
    column=TEXT,
    purpose=TEXT,
    kind=st.sampled_from(["", "decision", "future"]),
    reason=TEXT,
    rule=TEXT,
    revision=st.none() | COUNT,
    id=TEXT,
    from_us=st.none() | st.integers(1_795_000_000_000_000, 1_795_000_000_000_020),
    to_us=st.none() | st.integers(1_795_000_000_000_000, 1_795_000_000_000_020),
    text=st.sampled_from(
        [*WORDS, "STRASSE", "i̇stanbul", "istanbul σασ", "FLIGHTS", "号", "%", "_", "FUT", "bcd"]
    ),
)
ONE_AT_A_TIME = st.sampled_from(list(Question.model_fields))


def _narrowed(question: Question, name: str) -> Question:
    """The question with one of its conditions only: all of them together fit nothing."""
    return Question(**{name: getattr(question, name)})


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    found=st.lists(records(), min_size=1, max_size=25),
    asked=st.lists(st.tuples(QUESTIONS, ONE_AT_A_TIME), min_size=4, max_size=8),
    newest=st.booleans(),
)
def test_search_answers_what_reading_everything_answers(
    found: list[dict[str, Any]],
    asked: list[tuple[Question, str]],
    newest: bool,  # noqa: FBT001 - hypothesis gives it
) -> None:
    lines = [
        line(place, moment(1_795_000_000_000_000 + place), **fields) for place, fields in enumerate(found)
    ]
    with tempfile.TemporaryDirectory() as folder:
        log = written(Path(folder, "log"), lines)
        for question, name in asked:
            narrow = _narrowed(question, name)
            naive = [
                place for place, text in enumerate(lines) if narrow.matches(row_of(place, json.loads(text)))
            ]
            answer = search(log, log / "index", narrow, limit=100, newest=newest, count=True)
            assert [entry.index for entry in answer.entries] == (naive[::-1] if newest else naive)
            assert answer.count == len(naive)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(found=st.lists(records(), min_size=1, max_size=25))
def test_a_row_holds_what_the_record_says(found: list[dict[str, Any]]) -> None:
    lines = [
        line(place, moment(1_795_000_000_000_000 + place), **fields) for place, fields in enumerate(found)
    ]
    with tempfile.TemporaryDirectory() as folder:
        log = written(Path(folder, "log"), lines)
        assert refresh(log, log / "index") == len(lines)
        with opened(log / "index") as connection:
            rows = connection.sql("SELECT * FROM records").to_arrow_table()
        expected = [row_of(place, json.loads(text)) for place, text in enumerate(lines)]
        times = [name for name, sort in COLUMNS.items() if sort == "time"]
        for name in times:
            at = rows.schema.get_field_index(name)
            rows = rows.set_column(at, name, rows.column(name).cast(pa.int64()))
        assert rows.to_pylist() == expected
