"""Segments closed for ever: sealed when the writer goes on to the next, checked when the log opens."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
from audit_house import KEY, PUBLIC, MovedClock, decision, judged, lines_of, open_log
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exchange.audit.log import LogLimits
from exchange.audit.proofs.checkpoint import Checkpoint, sign_checkpoint
from exchange.audit.proofs.merkle import Frontier, leaf_hash
from exchange.audit.records.entry import Entry
from exchange.audit.storage import recovery
from exchange.audit.storage.hashes import root_over
from exchange.audit.storage.layout import Layout, first_index
from exchange.audit.storage.seal import Seal, open_seal, sign_seal
from exchange.errors import LogCorrupt, RecordGone

EACH = LogLimits(checkpoint_every_s=0.0, segment_bytes_max=1)
"""A segment for each batch."""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A closed log of eight segments: "opened", six batches of three decisions, "closed"."""
    folder = tmp_path / "log"
    with open_log(folder, limits=EACH) as opened:
        for start in range(1, 19, 3):
            opened.append_many([decision(number) for number in range(start, start + 3)])
    return folder


def seals_of(folder: Path) -> list[Seal]:
    return [open_seal(path.read_bytes(), PUBLIC) for path in Layout(folder).seals()]


def ids(lines: list[bytes]) -> list[int]:
    return [int(Entry.parse(line).fields["id"] or "0", 16) for line in lines]


def prune(folder: Path, first: int) -> None:
    """What retention does to a segment."""
    Layout(folder).kept(first).write_text("")
    Layout(folder).segment(first).unlink()


def test_every_closed_segment_has_a_seal_and_the_open_one_has_none(log: Path) -> None:
    segments, frontier, seals = Layout(log).segments(), Frontier(), seals_of(log)
    assert [seal.first for seal in seals] == [first_index(path) for path in segments[:-1]]
    for seal, path in zip(seals, segments, strict=False):
        frontier.extend(leaf_hash(line) for line in lines_of(log)[seal.first : seal.size])
        assert (seal.size, seal.root) == (frontier.size, frontier.root())
        assert seal.length == path.stat().st_size
        assert seal.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert judged(log).whole


def test_opening_parses_the_open_segment_only(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed, scan = [], recovery.scan

    def watched(path: Path, offset: int = 0, end: int | None = None):  # noqa: ANN202
        parsed.append((first_index(path), offset))
        return scan(path, offset, end)

    monkeypatch.setattr(recovery, "scan", watched)
    state = recovery.recover(Layout(log), PUBLIC)
    assert state.frontier.size == 20
    assert {first for first, _ in parsed} == {16, 19}  # of 16 the last record alone, for its time


@pytest.mark.parametrize("damage", ["gone", "short", "zeroes", "long", "level 1 gone", "level 1 wrong"])
def test_the_tree_is_made_whole_from_the_records(tmp_path: Path, damage: str) -> None:
    folder, layout = tmp_path / "log", Layout(tmp_path / "log")
    limits = LogLimits(checkpoint_every_s=0.0, segment_bytes_max=100_000)
    with open_log(folder, limits=limits) as log:
        for _ in range(7):
            log.append_many([decision(number) for number in range(100)])
    genuine = layout.leaves.read_bytes(), layout.level(1).read_bytes()
    assert len(seals_of(folder)) > 1
    leaves, level = genuine
    layout.leaves.write_bytes(
        {"gone": b"", "short": leaves[:999], "zeroes": leaves[:640] + bytes(32) + leaves[672:]}.get(
            damage, leaves + (bytes(64) if damage == "long" else b"")
        )
    )
    if damage == "level 1 gone":
        layout.level(1).unlink()
    if damage == "level 1 wrong":
        layout.level(1).write_bytes(bytes(32) + level[32:])
    open_log(folder, limits=limits).close()
    hashes = [leaf_hash(line) for line in lines_of(folder)]
    assert layout.leaves.read_bytes() == b"".join(hashes)
    whole = len(hashes) - len(hashes) % 256
    assert layout.level(1).read_bytes() == b"".join(
        root_over(hashes[at : at + 256]) for at in range(0, whole, 256)
    )
    assert judged(folder).whole


def test_a_closed_segment_without_a_seal_gets_the_same_one_at_the_next_start(log: Path) -> None:
    genuine = {path.name: path.read_bytes() for path in Layout(log).seals()}
    for missing in (slice(-1, None), slice(2, 3), slice(None)):
        for path in Layout(log).seals()[missing]:
            path.unlink()
        open_log(log, limits=LogLimits(checkpoint_every_s=0.0)).close()
        assert {path.name: path.read_bytes() for path in Layout(log).seals()} == genuine
    assert judged(log).whole


def test_a_seal_of_another_key_stops_the_start(log: Path) -> None:
    seal = seals_of(log)[2]
    Layout(log).seal(seal.first).write_bytes(
        sign_seal(seal, Ed25519PrivateKey.from_private_bytes(b"\x09" * 32))
    )
    with pytest.raises(LogCorrupt, match="does not hold") as refused:
        open_log(log)
    assert refused.value.index == seal.first


@pytest.mark.parametrize("change", [{"digest": "00" * 32}, {"root": bytes(32)}, {"size": 5}, {"length": 7}])
def test_a_seal_that_does_not_fit_its_segment_stops_the_start(log: Path, change: dict[str, object]) -> None:
    seal = seals_of(log)[1]
    wrong = Seal.model_validate(seal.model_dump() | change)
    Layout(log).seal(seal.first).write_bytes(sign_seal(wrong, KEY))
    with pytest.raises(LogCorrupt, match="does not fit its seal"):
        open_log(log)


def test_a_seal_of_records_that_are_not_here_stops_the_start(log: Path) -> None:
    stray = seals_of(log)[1].model_copy(update={"first": 100, "size": 103})
    Layout(log).seal(100).write_bytes(sign_seal(stray, KEY))
    with pytest.raises(LogCorrupt, match="seals of later ones") as refused:
        open_log(log)
    assert refused.value.index == 20


def test_a_flipped_bit_in_a_sealed_segment_names_the_record(log: Path) -> None:
    path = Layout(log).segments()[3]
    text = bytearray(path.read_bytes())
    text[text.index(b'"index":8,') - 40] ^= 4
    path.write_bytes(text)
    with pytest.raises(LogCorrupt) as refused:
        open_log(log)
    assert refused.value.index == 8
    assert path.read_bytes() == text


def test_a_flipped_bit_anywhere_in_a_sealed_segment_stops_the_start(log: Path) -> None:
    path = Layout(log).segments()[2]
    genuine = path.read_bytes()
    for at in range(0, len(genuine), 41):
        path.write_bytes(genuine[:at] + bytes([genuine[at] ^ 4]) + genuine[at + 1 :])
        with pytest.raises(LogCorrupt):
            open_log(log)
    path.write_bytes(genuine)
    open_log(log).close()


def test_time_does_not_go_back_behind_a_sealed_segment(log: Path) -> None:
    Layout(log).segments()[-1].unlink()  # never written: the crash came when its name was not yet durable
    Layout(log).checkpoint.write_bytes(_earlier_checkpoint(log))
    with open_log(log, clock=MovedClock(1_000_000)) as again:
        times = [Entry.parse(line).time for line in again.read()]
    assert times == sorted(times)
    assert judged(log).whole


def _earlier_checkpoint(folder: Path) -> bytes:
    seal = seals_of(folder)[-1]
    return sign_checkpoint(Checkpoint(origin=seal.origin, size=seal.size, root=seal.root), KEY)


def test_a_log_held_seals_nothing_before_it_is_released(tmp_path: Path) -> None:
    log = open_log(tmp_path, limits=EACH, held=True)
    log.append(decision(1))
    log.append(decision(2))
    assert not Layout(tmp_path).seals()
    log.release()
    log.close()
    assert [seal.first for seal in seals_of(tmp_path)] == [0, 1, 2]
    assert judged(tmp_path).whole


def test_removed_segments_at_the_beginning_are_accepted_and_the_log_goes_on(log: Path) -> None:
    before = lines_of(log)
    prune(log, 0)
    prune(log, 1)
    with open_log(log, limits=EACH) as again:
        assert again.append(decision(99)) == 21
        assert again.first == 4
        with pytest.raises(RecordGone, match="the first that is here is 4"):
            next(again.read(3))
        assert list(again.read(4, 5)) == before[4:9]
        assert again.size == 22
    hashes = [leaf_hash(line) for line in before] + [leaf_hash(line) for line in lines_of(log)[16:]]
    assert Layout(log).leaves.read_bytes() == b"".join(hashes)


def test_removed_segments_and_a_damaged_one_behind_them_name_the_record(log: Path) -> None:
    prune(log, 0)
    path = Layout(log).segments()[2]
    text = bytearray(path.read_bytes())
    text[text.index(b'"index":8,') - 40] ^= 4
    path.write_bytes(text)
    with pytest.raises(LogCorrupt) as refused:
        open_log(log)
    assert refused.value.index == 8


@pytest.mark.parametrize("first", [1, 16])
def test_a_segment_removed_behind_one_that_is_here_stops_the_start(log: Path, first: int) -> None:
    prune(log, first)
    with pytest.raises(LogCorrupt) as refused:
        open_log(log)
    assert refused.value.index == first


def test_a_segment_removed_without_a_word_stops_the_start(log: Path) -> None:
    Layout(log).segment(0).unlink()
    with pytest.raises(LogCorrupt) as refused:
        open_log(log)
    assert refused.value.index == 0


def test_without_the_hashes_of_removed_records_the_log_does_not_start(log: Path) -> None:
    prune(log, 0)
    prune(log, 1)
    shutil.copytree(Layout(log).tree_folder, log / "copy")
    Layout(log).leaves.write_bytes(b"")
    with pytest.raises(LogCorrupt, match="hashes of records that retention removed"):
        open_log(log)
    shutil.copytree(log / "copy", Layout(log).tree_folder, dirs_exist_ok=True)
    open_log(log).close()


def test_a_log_all_of_whose_closed_segments_were_removed_goes_on(log: Path) -> None:
    for path in Layout(log).segments()[:-1]:
        prune(log, first_index(path))
    with open_log(log) as again:
        assert again.append(decision(1)) == 21
