"""Archives, the way back, and retention: each step can be the last before a crash, and nothing is lost."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from audit_house import NOON_US, PUBLIC, MovedClock, decision, judged, lines_of, open_log
from kept_house import DAY_US, SMALL, announcing, grown, seals_of, shortened

from exchange.audit.keeping.archive import archive, packed_segment
from exchange.audit.keeping.restore import restore
from exchange.audit.keeping.retain import announced, due, remove
from exchange.audit.proofs.merkle import leaf_hash, verify_inclusion
from exchange.audit.proofs.tree import StoredTree
from exchange.audit.records.retention import Retained
from exchange.audit.storage.layout import Layout
from exchange.errors import AuditUnavailable, ConfigError, LogCorrupt

LATER = MovedClock(NOON_US + 500 * DAY_US)


@pytest.fixture(scope="module")
def genuine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return grown(tmp_path_factory.mktemp("genuine") / "log")


@pytest.fixture
def log(genuine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(genuine, tmp_path / "log"))


def not_called(retained: Retained) -> None:
    pytest.fail("a removal was announced that must not happen")


def test_a_restored_archive_is_the_log_and_can_go_on(log: Path, tmp_path: Path) -> None:
    done = archive(log, tmp_path / "archive", PUBLIC)
    assert (done.segments, done.held, done.records) == (len(seals_of(log)), 0, len(lines_of(log)))
    restore(tmp_path / "archive", tmp_path / "back")
    assert lines_of(tmp_path / "back") == lines_of(log)
    assert judged(tmp_path / "back") == judged(log)
    with open_log(tmp_path / "back", clock=LATER, limits=SMALL) as again:
        again.append(decision(99))
    assert judged(tmp_path / "back").whole


def test_an_archive_is_brought_up_to_date_without_copying_anew(log: Path, tmp_path: Path) -> None:
    archive(log, tmp_path / "archive", PUBLIC)
    before = seals_of(log)
    with open_log(log, clock=LATER, limits=SMALL) as again:
        for number in range(9):
            again.append(decision(number))
    done = archive(log, tmp_path / "archive", PUBLIC)
    assert done.held == len(before)
    assert done.segments == len(seals_of(log)) - len(before) > 0
    restore(tmp_path / "archive", tmp_path / "back")
    assert lines_of(tmp_path / "back") == lines_of(log)
    assert judged(tmp_path / "back").whole


def test_an_archive_of_a_running_log_is_whole(log: Path, tmp_path: Path) -> None:
    with open_log(log, clock=LATER, limits=SMALL) as running:
        running.append(decision(1))
        archive(log, tmp_path / "archive", PUBLIC)
    restore(tmp_path / "archive", tmp_path / "back")
    assert judged(tmp_path / "back").whole


def test_an_altered_segment_does_not_enter_an_archive(log: Path, tmp_path: Path) -> None:
    seal = seals_of(log)[1]
    path = Layout(log).segment(seal.first)
    path.write_bytes(path.read_bytes().replace(b'"allow"', b'"deny"', 1))
    with pytest.raises(LogCorrupt) as refused:
        archive(log, tmp_path / "archive", PUBLIC)
    assert refused.value.index == seal.first
    assert not packed_segment(tmp_path / "archive", seal.first).exists()


def test_an_older_log_does_not_overwrite_the_archive_of_a_newer_one(log: Path, tmp_path: Path) -> None:
    old = shutil.copytree(log, tmp_path / "old")
    with open_log(log, clock=LATER, limits=SMALL) as again:
        again.append(decision(1))
    archive(log, tmp_path / "archive", PUBLIC)
    with pytest.raises(ConfigError, match="the archive holds"):
        archive(Path(old), tmp_path / "archive", PUBLIC)


def test_an_archive_is_not_restored_over_anything(log: Path, tmp_path: Path) -> None:
    archive(log, tmp_path / "archive", PUBLIC)
    with pytest.raises(ConfigError, match="not empty"):
        restore(tmp_path / "archive", log)
    with pytest.raises(ConfigError, match="no archive"):
        restore(tmp_path, tmp_path / "back")


def test_a_damaged_pack_is_named(log: Path, tmp_path: Path) -> None:
    archive(log, tmp_path / "archive", PUBLIC)
    packed = packed_segment(tmp_path / "archive", seals_of(log)[1].first)
    packed.write_bytes(b"\x00" * 100)
    with pytest.raises(LogCorrupt) as refused:
        restore(tmp_path / "archive", tmp_path / "back")
    assert refused.value.index == seals_of(log)[1].first


def test_due_is_what_is_sealed_and_wholly_older_from_the_oldest_on(log: Path) -> None:
    seals = seals_of(log)
    assert due(Layout(log), PUBLIC, NOON_US) == []
    assert due(Layout(log), PUBLIC, NOON_US + 500 * DAY_US) == seals
    some = due(Layout(log), PUBLIC, NOON_US + 6 * DAY_US)
    assert some == seals[: len(some)]
    assert 0 < len(some) < len(seals)


def test_what_is_not_sealed_cannot_be_removed(log: Path) -> None:
    seal = seals_of(log)[0]
    Layout(log).seal(0).unlink()
    with pytest.raises(ConfigError, match="not the oldest sealed one"):
        remove(Layout(log), seal, announce=not_called, archive=None)
    assert Layout(log).segment(0).exists()


def test_nothing_is_removed_out_of_turn(log: Path) -> None:
    with pytest.raises(ConfigError, match="not the oldest"):
        remove(Layout(log), seals_of(log)[1], announce=not_called, archive=None)


def test_what_was_altered_is_evidence_and_stays(log: Path) -> None:
    path = Layout(log).segment(0)
    path.write_bytes(path.read_bytes().replace(b'"allow"', b'"deny"', 1))
    with pytest.raises(LogCorrupt, match="stay as evidence"):
        remove(Layout(log), seals_of(log)[0], announce=not_called, archive=None)
    assert path.exists()


def test_what_the_archive_does_not_hold_stays(log: Path, tmp_path: Path) -> None:
    archive(log, tmp_path / "archive", PUBLIC)
    packed_segment(tmp_path / "archive", 0).write_bytes(b"")
    with pytest.raises(ConfigError, match="does not hold"):
        remove(Layout(log), seals_of(log)[0], announce=not_called, archive=tmp_path / "archive")
    assert Layout(log).segment(0).exists()


def test_a_removal_that_cannot_be_recorded_does_not_happen(log: Path) -> None:
    def refuse(retained: Retained) -> None:
        raise AuditUnavailable("the disk is full")

    with pytest.raises(AuditUnavailable):
        remove(Layout(log), seals_of(log)[0], announce=refuse, archive=None)
    assert Layout(log).segment(0).exists()
    assert judged(log).whole


def test_after_a_crash_behind_the_announcement_the_log_is_whole_and_the_next_round_removes(log: Path) -> None:
    class Crash(Exception):
        pass

    def announce_and_die(retained: Retained) -> None:
        announcing(running)(retained)
        raise Crash

    with open_log(log, clock=LATER, limits=SMALL) as running, pytest.raises(Crash):
        remove(Layout(log), seals_of(log)[0], announce=announce_and_die, archive=None)
    assert judged(log).whole
    assert judged(log).removed == 0
    (retained,) = shortened(log)
    assert judged(log).whole
    assert judged(log).removed == retained.size


def test_a_shortened_log_opens_goes_on_and_is_shortened_again(log: Path) -> None:
    first, second = [shortened(log)[0] for _ in range(2)]
    with open_log(log, clock=LATER, limits=SMALL) as again:
        again.append(decision(1))
    verdict = judged(log)
    assert (verdict.whole, verdict.removed) == (True, second.size)
    assert announced(Layout(log), verdict.signed) == {first, second}


def test_removals_stay_recorded_when_their_own_records_are_removed(log: Path) -> None:
    (first,) = shortened(log)
    said_at = len(lines_of(log)) + first.size
    with open_log(log, clock=LATER, limits=SMALL) as again:
        for number in range(12):
            again.append(decision(number))
    shortened(log, 99, day=900)
    verdict = judged(log)
    assert verdict.findings == ()
    assert verdict.removed > said_at
    assert first in announced(Layout(log), verdict.signed)


def test_removed_records_are_still_provable(log: Path) -> None:
    lines = lines_of(log)
    shortened(log)
    verdict = judged(log)
    with StoredTree(log) as tree:
        proof = tree.inclusion(2, verdict.signed)
    assert verify_inclusion(leaf_hash(lines[2]), 2, verdict.signed, proof, bytes.fromhex(verdict.root))


def test_no_access_is_kept_of_what_was_removed(log: Path) -> None:
    shortened(log)
    kept = Layout(log).kept(0).read_bytes()
    assert b'"kind":"log"' in kept
    assert b'"kind":"decision"' not in kept
    assert b"dispatch" not in kept


def test_a_shortened_log_is_archived_and_comes_back(log: Path, tmp_path: Path) -> None:
    shortened(log)
    archive(log, tmp_path / "archive", PUBLIC)
    restore(tmp_path / "archive", tmp_path / "back")
    assert judged(tmp_path / "back") == judged(log)


def test_an_archive_made_before_brings_the_removed_records_back(log: Path, tmp_path: Path) -> None:
    archive(log, tmp_path / "archive", PUBLIC)
    shortened(log)
    archive(log, tmp_path / "archive", PUBLIC)
    restore(tmp_path / "archive", tmp_path / "back")
    verdict = judged(tmp_path / "back")
    assert (verdict.whole, verdict.removed) == (True, 0)
