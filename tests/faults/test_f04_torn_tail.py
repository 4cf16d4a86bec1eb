"""F4 the tail cut at every byte: only what was never acknowledged is lost, and it is said how much."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from audit_house import NEVER_SIGN, PUBLIC, FaultyDisk, decision, judged, lines_of, open_log

from exchange.audit.log import LogLimits
from exchange.audit.records.entry import Entry
from exchange.audit.storage.layout import Layout
from exchange.audit.storage.recovery import recover
from exchange.audit.storage.segment import scan
from exchange.errors import LogCorrupt


def crashed(tmp_path: Path) -> tuple[Path, bytes, bytes]:
    """A log killed while running: its folder, and the last batch's write split from what was there before."""
    folder, copy, disk = tmp_path / "log", tmp_path / "crashed", FaultyDisk()
    with open_log(folder, disk=disk, limits=NEVER_SIGN) as log:
        log.append_many([decision(1), decision(2)])
        log.append_many([decision(3), decision(4)])
        shutil.copytree(folder, copy)
    text = Layout(copy).segments()[0].read_bytes()
    start = text.rindex(b"#batch")
    return copy, text[:start], text[start:]


def test_f04_at_every_byte_of_the_last_batch(tmp_path: Path) -> None:
    folder, before, last = crashed(tmp_path)
    layout, body_ends = Layout(folder), last.index(b"#commit")
    for cut in range(len(last)):
        layout.segments()[0].write_bytes(before + last[:cut])
        state = recover(layout, PUBLIC)
        # The batch counts once its body is whole: then its sync may have returned.
        whole = cut >= body_ends
        assert state.frontier.size == (5 if whole else 3), cut
        assert state.cut_bytes == (cut - body_ends if whole else cut)


def test_f04_the_log_goes_on_behind_the_cut_and_says_what_was_dropped(tmp_path: Path) -> None:
    folder, before, last = crashed(tmp_path)
    body_ends = last.index(b"#commit")
    for cut in (*range(0, len(last), 101), body_ends - 1, body_ends, body_ends + 1, len(last) - 1):
        copy = tmp_path / "cut"
        shutil.copytree(folder, copy)
        Layout(copy).segments()[0].write_bytes(before + last[:cut])
        with open_log(copy) as log:
            event = Entry.parse(list(log.read())[-1]).fields
        dropped = cut if cut < body_ends else cut - body_ends
        assert (event["event"], event["dropped_bytes"]) == ("recovered" if dropped else "opened", dropped)
        assert event["size"] == (5 if cut >= body_ends else 3)
        assert judged(copy).whole, cut
        shutil.rmtree(copy)


@pytest.mark.parametrize("filler", [b"\x00", b"\xff", b"x"])
def test_f04_blocks_that_never_reached_the_disk_are_cut_off(tmp_path: Path, filler: bytes) -> None:
    folder, before, last = crashed(tmp_path)
    body = last[: last.index(b"#commit")]
    for hole in (0, 10, len(body) // 2):
        copy = tmp_path / "hole"
        shutil.copytree(folder, copy)
        Layout(copy).segments()[0].write_bytes(before + body[:hole] + filler * (len(body) - hole))
        with open_log(copy) as log:
            assert log.size == 4
        assert judged(copy).whole
        shutil.rmtree(copy)


@pytest.mark.parametrize("filler", [b"\x00", b"\xff", b"x"])
def test_f04_a_commit_line_that_never_reached_the_disk_costs_no_record_whatever_stands_in_its_place(
    tmp_path: Path, filler: bytes
) -> None:
    folder, before, last = crashed(tmp_path)
    body, commit = last[: last.index(b"#commit")], last[last.index(b"#commit") :]
    part_of_the_next = b'next":""}\n{"a":1}\n{"b":'
    for kept in (0, 1, 9, len(commit) - 1):
        for behind in (b"", part_of_the_next) if filler == b"\0" or not kept else (b"",):
            hole = commit[:kept] + filler * (len(commit) - kept) + behind
            copy = tmp_path / "hole"
            shutil.copytree(folder, copy)
            Layout(copy).segments()[0].write_bytes(before + body + hole)
            assert judged(copy).whole, (kept, behind)
            with open_log(copy) as log:
                assert log.size == 6, (kept, behind)
                assert Entry.parse(list(log.read())[-1]).fields["dropped_bytes"] == len(hole)
            assert judged(copy).whole
            shutil.rmtree(copy)


def test_f04_a_sealed_segment_cut_at_any_byte_is_damage_and_named(tmp_path: Path) -> None:
    with open_log(tmp_path, limits=LogLimits(checkpoint_every_s=0.0, segment_bytes_max=1500)) as log:
        for number in range(6):
            log.append(decision(number))
    sealed = Layout(tmp_path).segments()[:-1]
    assert len(sealed) == len(Layout(tmp_path).seals()) >= 2
    for path in sealed:
        first, genuine = int(path.stem), path.read_bytes()
        for cut in range(0, len(genuine), 7):
            path.write_bytes(genuine[:cut])
            with pytest.raises(LogCorrupt) as refused:
                recover(Layout(tmp_path), PUBLIC)
            batches = genuine[:cut].count(b"\n#commit")
            assert refused.value.index in range(first, first + batches + 2), cut
            assert path.read_bytes() == genuine[:cut]
        for cut in (0, len(genuine) // 2, len(genuine) - 1):
            path.write_bytes(genuine[:cut])
            with pytest.raises(LogCorrupt):
                open_log(tmp_path)
            assert not judged(tmp_path).whole
        path.write_bytes(genuine)
    open_log(tmp_path).close()


def test_f04_leaf_hashes_that_never_reached_the_disk_are_computed_again(tmp_path: Path) -> None:
    folder, _, _ = crashed(tmp_path)
    genuine = Layout(folder).leaves.read_bytes()
    for damaged in (b"", genuine[:33], genuine[:64] + b"\0" * 96, genuine + b"\0" * 64):
        Layout(folder).leaves.write_bytes(damaged)
        copy = tmp_path / "copy"
        shutil.copytree(folder, copy)
        open_log(copy).close()
        assert judged(copy).whole
        assert Layout(copy).leaves.read_bytes()[: len(genuine)] == genuine
        shutil.rmtree(copy)


def test_f04_below_the_signed_checkpoint_nothing_is_ever_cut_off(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        log.append_many([decision(1), decision(2)])
    segment = Layout(tmp_path).segments()[0]
    text = segment.read_bytes()
    for cut in (text.rindex(b"#batch"), text.rindex(b"#batch") + 9, text.rindex(b"#commit") - 1):
        segment.write_bytes(text[:cut])
        with pytest.raises(LogCorrupt, match="3 records; its checkpoint was signed over 4") as refused:
            open_log(tmp_path)
        assert refused.value.index == 3
        assert segment.read_bytes() == text[:cut]
        assert judged(tmp_path).findings[0].index == 3


def test_f04_a_log_cut_off_in_the_middle_of_being_made_is_begun_again(tmp_path: Path) -> None:
    open_log(tmp_path).close()
    Layout(tmp_path).segments()[0].unlink()
    Layout(tmp_path).checkpoint.unlink()
    open_log(tmp_path).close()
    assert len(lines_of(tmp_path)) == 2
    assert all(not batch.problem for path in Layout(tmp_path).segments() for batch in scan(path))
