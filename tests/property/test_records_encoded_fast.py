"""The quick way of encoding a record writes, byte for byte, what the canonical encoder writes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.audit.records.kinds import (
    AdministrationRecord,
    DecisionRecord,
    FileDigest,
    LogRecord,
    PublicationRecord,
)
from exchange.audit.records.record import Record, _plain_keys
from exchange.errors import RequestInvalid
from exchange.model.canonical import canonical

TIME = b"2026-11-22T12:00:00.000000Z"
ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=100)
COUNT = st.integers(min_value=0, max_value=2**53 - 1)


def plainly(record: Record, index: int) -> bytes:
    return canonical({**record.to_json(), "index": index, "time": TIME.decode()})


@given(texts=st.lists(ANY_TEXT, min_size=6, max_size=6), columns=st.lists(ANY_TEXT, max_size=5), count=COUNT)
def test_decisions(texts: list[str], columns: list[str], count: int) -> None:
    record = DecisionRecord(
        subject=texts[0],
        dataset=texts[1],
        purpose=texts[2],
        columns=tuple(columns),
        columns_count=count,
        action="read",
        decision="deny",
        reason=texts[3],
        public_reason=texts[4],
        predicate=texts[5],
        row_limit=count,
        department="port",
        revision=count,
    )
    assert _plain_keys(DecisionRecord) is not None
    assert record.encode().line(7, TIME) == plainly(record, 7)


@given(text=ANY_TEXT, step=st.integers(min_value=-(2**53) + 1, max_value=2**53 - 1), index=COUNT)
def test_records_of_the_log_itself(text: str, step: int, index: int) -> None:
    record = LogRecord(event="clock-step", version=text, step_us=step)
    assert _plain_keys(LogRecord) is not None
    assert record.encode().line(index, TIME) == plainly(record, index)


@given(text=ANY_TEXT)
def test_records_with_inner_objects_take_the_plain_way(text: str) -> None:
    record = PublicationRecord(
        subject="",
        department="port",
        revision=2,
        previous=1,
        bundle="",
        files=(FileDigest(path=text, digest="0a" * 32),),
        message=text,
        outcome="published",
    )
    assert _plain_keys(PublicationRecord) is None
    assert record.encode().line(0, TIME) == plainly(record, 0)


@pytest.mark.parametrize("text", ["\x00\x1f\x7f\x80\u2028\ufeff", '"\\/\b\f\n\r\t', "\U0001f6ec\ue000\ufffd"])
def test_every_escape_is_the_canonical_one(text: str) -> None:
    record = AdministrationRecord(subject="", call=text, target=text, outcome="done")
    assert record.encode().line(1, TIME) == plainly(record, 1)


def test_a_lone_surrogate_is_refused_either_way() -> None:
    record = AdministrationRecord(subject="", call="x", outcome="done").model_copy(update={"call": "\ud800"})
    with pytest.raises(RequestInvalid, match="lone surrogate"):
        record.encode()
