"""F5 a bit flipped in the middle: the log refuses to start, names the record, and changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from audit_house import NEVER_SIGN, decision, filled, judged, open_log

from exchange.audit.log import LogLimits
from exchange.audit.storage.layout import Layout
from exchange.errors import LogCorrupt


def flip(path: Path, at: int) -> bytes:
    text = bytearray(path.read_bytes())
    text[at] ^= 0x04
    path.write_bytes(text)
    return bytes(text)


def test_f05_the_record_is_named_and_nothing_is_cut_off(tmp_path: Path) -> None:
    filled(tmp_path)
    segment = Layout(tmp_path).segments()[0]
    damaged = flip(segment, segment.read_bytes().index(b'"index":5,') - 40)
    with pytest.raises(LogCorrupt) as refused:
        open_log(tmp_path)
    assert refused.value.index == 5
    assert "keep the folder" in refused.value.hint
    assert segment.read_bytes() == damaged
    assert judged(tmp_path).findings[0].index == 5


def test_f05_wherever_the_bit_is(tmp_path: Path) -> None:
    filled(tmp_path, batches=2)
    segment = Layout(tmp_path).segments()[0]
    genuine = segment.read_bytes()
    last_line = genuine.rindex(b"#commit")
    for at in range(0, last_line, 53):
        damaged = flip(segment, at)
        with pytest.raises(LogCorrupt):
            open_log(tmp_path)
        assert segment.read_bytes() == damaged, at
        segment.write_bytes(genuine)
    open_log(tmp_path).close()


def test_f05_in_an_acknowledged_batch_that_no_checkpoint_covers_yet(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    with open_log(folder, limits=NEVER_SIGN) as log:
        log.append(decision(1))
        text = Layout(folder).segments()[0].read_bytes()
        note = Layout(folder).checkpoint.read_bytes()
    segment = Layout(folder).segments()[0]
    segment.write_bytes(text)
    Layout(folder).checkpoint.write_bytes(note)
    flip(segment, text.rindex(b'"index":1,') - 40)
    with pytest.raises(LogCorrupt) as refused:
        open_log(folder)
    assert refused.value.index == 1


def test_f05_a_segment_that_is_missing_is_named(tmp_path: Path) -> None:
    with open_log(tmp_path, limits=LogLimits(checkpoint_every_s=0.0, segment_bytes_max=1)) as log:
        for number in range(5):
            log.append(decision(number))
    paths = Layout(tmp_path).segments()
    assert [int(path.stem) for path in paths] == [0, 1, 2, 3, 4, 5, 6]
    assert judged(tmp_path).whole
    kept = paths[3].read_bytes()
    paths[3].unlink()
    with pytest.raises(LogCorrupt) as refused:
        open_log(tmp_path)
    assert refused.value.index == 3
    named = {(found.what, found.index) for found in judged(tmp_path).findings}
    assert ("deleted", 3) in named
    assert {index for _, index in named} == {3}
    paths[3].write_bytes(kept)
    open_log(tmp_path).close()
