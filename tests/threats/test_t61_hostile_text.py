"""T61 control characters, 1 MB fields, invalid Unicode: bounded and canonical."""

from __future__ import annotations

from pathlib import Path

import pytest
from audit_house import decision, judged, open_log
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from exchange.audit.records.entry import Entry
from exchange.audit.records.kinds import DecisionRecord, columns_of
from exchange.audit.records.record import RECORD_BYTES_MAX, bounded
from exchange.errors import LogCorrupt, RequestInvalid
from exchange.model.canonical import is_canonical

TIME = b"2026-11-22T12:00:00.000000Z"
HOSTILE = 'x\n#batch 0 1 1 00\n\x00\x1b[2J","index":7,"kind":"log"\u2028\u202e登记局\U0001f6eb\x7f'


def test_t61_text_that_imitates_framing_and_json_stays_text(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        index = log.append(decision(reason=HOSTILE[:128], dataset=HOSTILE))
        line = next(log.read(index))
    assert b"\n" not in line
    assert is_canonical(line)
    assert Entry.parse(line).fields["dataset"] == HOSTILE
    assert judged(tmp_path).whole


@given(st.text(max_size=128), st.lists(st.text(max_size=50), max_size=20))
def test_t61_whatever_text_a_record_holds_its_encoding_is_canonical(reason: str, rules: list[str]) -> None:
    record = decision(reason=reason, rules=tuple(rules))
    line = record.encode().line(2**53 - 1, TIME)
    assert is_canonical(line)
    assert Entry.parse(line).record() == record


@pytest.mark.parametrize("field", ["subject", "dataset", "purpose", "reason", "predicate"])
def test_t61_a_megabyte_in_a_field_is_refused(field: str) -> None:
    with pytest.raises(ValidationError, match="at most"):
        decision(**{field: "x" * (1 << 20)})


@pytest.mark.parametrize("field", ["subject", "dataset", "reason"])
def test_t61_text_that_is_not_unicode_is_refused(field: str) -> None:
    with pytest.raises(ValidationError, match="unicode"):
        decision(**{field: "a\ud800b"})


def test_t61_a_record_over_the_limit_is_refused_before_it_reaches_the_log(tmp_path: Path) -> None:
    wide = decision(columns=tuple("\x01" * 250 for _ in range(256)))
    with open_log(tmp_path) as log:
        before = log.size
        with pytest.raises(RequestInvalid, match="too large"):
            log.append(wide)
        with pytest.raises(RequestInvalid, match="too large"):
            log.append_many([decision(), wide])
        assert log.size == before


def test_t61_a_question_about_four_thousand_columns_is_recorded_all_the_same() -> None:
    names = tuple(f"列{number}" + "\x01" * 100 for number in range(4096))
    asked = columns_of(names)
    record = decision(**asked._asdict())
    assert record.columns_count == 4096
    assert 0 < len(record.columns) < 4096
    assert len(record.columns_digest) == 64
    assert record.encode().size <= RECORD_BYTES_MAX
    assert columns_of(names[:-1]).columns_digest != asked.columns_digest


@given(st.integers(2, 40), st.text(st.characters(exclude_categories=())))
def test_t61_a_strangers_text_is_cut_and_mended_to_fit(limit: int, text: str) -> None:
    fit = bounded(text, limit)
    assert len(fit) <= limit
    fit.encode()
    assert bounded(fit, limit) == fit


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"null",
        b'{"index":1}',
        b'{"index":1,"kind":"log","time":"2026-11-22T12:00:00Z","v":1}',
        b'{"index":-1,"kind":"log","time":"2026-11-22T12:00:00.000000Z","v":1}',
        b'{"index":1.0,"kind":"log","time":"2026-11-22T12:00:00.000000Z","v":1}',
        b'{"index":true,"kind":"log","time":"2026-11-22T12:00:00.000000Z","v":1}',
        b'{"index": 1,"kind":"log","time":"2026-11-22T12:00:00.000000Z","v":1}',
        b'{"index":1,"index":1,"kind":"log","time":"2026-11-22T12:00:00.000000Z","v":1}',
        b'{"kind":"log","index":1,"time":"2026-11-22T12:00:00.000000Z","v":1}',
        b'{"index":1,"kind":"log","time":"2026-11-22T12:00:00.000000Z","v":1,"x":"\\u0041"}',
        b'{"index":1,"kind":"log","n":9007199254740992,"time":"2026-11-22T12:00:00.000000Z","v":1}',
        b'{"index":1,"kind":"log","time":"2026-11-22T12:00:00.000000Z","v":1}\r',
        b'{"index":1,"kind":"log","time":"2026-11-22T12:00:00.000000Z","v":1,"x":"\xff"}',
        b'{"index":1,"kind":"log","time":"2026-11-22T12:00:00.000000Z","v":2}',
        b"[" * 60000,
    ],
)
def test_t61_what_is_not_a_canonical_record_is_not_read_as_one(line: bytes) -> None:
    with pytest.raises(LogCorrupt):
        Entry.parse(line)


def test_t61_every_kind_refuses_fields_it_does_not_know() -> None:
    with pytest.raises(ValidationError):
        DecisionRecord.model_validate(decision().model_dump() | {"tailnum": "N14228"})
