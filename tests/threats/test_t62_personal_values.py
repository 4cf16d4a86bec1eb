"""T62 personal identifiers: never in the log in clear, yet provably asked for by whoever holds the key."""

from __future__ import annotations

from pathlib import Path

from audit_house import KEY, decision, open_log

from exchange.audit.records.commitment import commitment, commitment_key
from exchange.audit.records.entry import Entry
from exchange.model.predicate_sql import parse, shape

CANARY = "N-CANARY-14228-张三"
WHERE = f"tailnum = '{CANARY}' AND dep_delay > 98765"


def record_it(folder: Path) -> str:
    with open_log(folder) as log:
        index = log.append(decision(predicate=shape(parse(WHERE)), commitment=log.commitment(WHERE)))
        return str(Entry.parse(next(log.read(index))).fields["commitment"])


def test_t62_no_literal_of_a_predicate_is_in_any_file_of_the_log(tmp_path: Path) -> None:
    record_it(tmp_path)
    everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"dep_delay" in everything
    assert CANARY.encode() not in everything
    assert b"98765" not in everything


def test_t62_with_the_key_and_the_text_it_is_provable_what_was_asked(tmp_path: Path) -> None:
    recorded, key = record_it(tmp_path), commitment_key(KEY)
    assert commitment(key, WHERE) == recorded
    assert commitment(key, WHERE.replace("14228", "14229")) != recorded


def test_t62_without_the_key_guessing_the_text_proves_nothing(tmp_path: Path) -> None:
    recorded = record_it(tmp_path)
    assert commitment(b"\0" * 32, WHERE) != recorded
    assert commitment_key(KEY) != KEY.private_bytes_raw()


def test_t62_no_question_no_commitment_and_any_text_has_one() -> None:
    key = commitment_key(KEY)
    assert commitment(key, "") == ""
    assert len(commitment(key, "a\ud800")) == 64
