"""The log as the broker uses it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from audit_house import NEVER_SIGN, PUBLIC, FaultyDisk, MovedClock, decision, judged, lines_of, open_log

from exchange.audit.log import AuditLog, LogLimits
from exchange.audit.proofs.checkpoint import open_checkpoint
from exchange.audit.proofs.merkle import Frontier, leaf_hash
from exchange.audit.records.entry import Entry
from exchange.audit.storage.layout import Layout
from exchange.audit.storage.segment import BATCH_BYTES_MAX, scan
from exchange.errors import AuditUnavailable, ConfigError


def ids(log: AuditLog, start: int = 0, count: int | None = None) -> list[int]:
    return [int(Entry.parse(line).fields["id"] or "0", 16) for line in log.read(start, count)]


def test_its_opening_is_its_first_record(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        (line,) = log.read()
    fields = Entry.parse(line).fields
    assert (fields["index"], fields["kind"], fields["event"]) == (0, "log", "opened")
    assert fields["subject"] == "spiffe://city.zhongshui.example/broker"


def test_an_index_is_a_place_and_a_place_is_found_again(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        assert log.append(decision(11)) == 1
        assert log.append_many([decision(12), decision(13)]) == [2, 3]
        assert log.append_many([]) == []
        assert log.size == 4
        assert ids(log, 2) == [12, 13]
        assert ids(log, 1, 2) == [11, 12]
        assert ids(log, 4) == []
        assert ids(log, 99, 5) == []


def test_many_large_records_at_once_stay_within_the_bounds_of_a_batch(tmp_path: Path) -> None:
    large = decision(1, columns=tuple("x" * 250 for _ in range(200)))
    with open_log(tmp_path) as log:
        assert log.append_many([large] * 500) == list(range(1, 501))
    assert all(batch.end - batch.offset < BATCH_BYTES_MAX for batch in scan(Layout(tmp_path).segments()[0]))
    open_log(tmp_path).close()
    assert judged(tmp_path).whole


def test_a_log_goes_on_where_it_ended(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        log.append(decision(1))
    with open_log(tmp_path) as log:
        assert log.append(decision(2)) == 4
    kinds = [Entry.parse(line).fields.get("event") or "decision" for line in lines_of(tmp_path)]
    assert kinds == ["opened", "decision", "closed", "opened", "decision", "closed"]
    assert judged(tmp_path).whole


def test_the_checkpoint_is_signed_over_exactly_the_records(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        log.append_many([decision(number) for number in range(10)])
    signed, frontier = open_checkpoint(log.checkpoint(), PUBLIC), Frontier()
    frontier.extend(leaf_hash(line) for line in lines_of(tmp_path))
    assert (signed.size, signed.root) == (frontier.size, frontier.root())
    assert Layout(tmp_path).checkpoint.read_bytes() == log.checkpoint()


def test_checkpoints_only_grow_and_trail_the_records(tmp_path: Path) -> None:
    with open_log(tmp_path, limits=NEVER_SIGN) as log:
        sizes = []
        for number in range(5):
            log.append(decision(number))
            sizes.append(open_checkpoint(log.checkpoint(), PUBLIC).size)
            assert sizes[-1] <= log.size
    assert sizes == sorted(sizes)
    assert open_checkpoint(log.checkpoint(), PUBLIC).size == log.size == 7


def test_many_writers_at_once_each_get_their_own_place(tmp_path: Path) -> None:
    with open_log(tmp_path) as log, ThreadPoolExecutor(64) as pool:
        places = list(pool.map(lambda number: (log.append(decision(number)), number), range(1, 400)))
        assert sorted(index for index, _ in places) == list(range(1, 400))
        found = ids(log)
        assert all(found[index] == number for index, number in places)
    assert judged(tmp_path).whole


def test_reading_goes_on_beside_writing(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        log.append_many([decision(number) for number in range(1, 11)])
        reader = log.read()
        seen = [next(reader)]
        log.append_many([decision(number) for number in range(11, 31)])
        seen.extend(reader)
        assert [Entry.parse(line).index for line in seen] == list(range(11))


def test_reading_crosses_segments_and_begins_in_the_middle(tmp_path: Path) -> None:
    limits = LogLimits(checkpoint_every_s=0.0, segment_bytes_max=4000)
    with open_log(tmp_path, limits=limits) as log:
        for start in range(1, 3001, 100):
            log.append_many([decision(number) for number in range(start, start + 100)])
        assert len(Layout(tmp_path).segments()) > 20
        for start, count in ((0, 3001), (1, 1), (1500, 200), (2999, 5)):
            assert ids(log, start, count) == list(range(start, min(start + count, 3001)))
    with open_log(tmp_path, limits=limits) as log:
        assert ids(log, 1700, 3) == [1700, 1701, 1702]
    assert judged(tmp_path).whole


def test_a_disk_that_hangs_is_waited_for_only_so_long(tmp_path: Path) -> None:
    disk, hang = FaultyDisk(), threading.Event()
    log = open_log(tmp_path, disk=disk, limits=LogLimits(wait_s_max=0.1, checkpoint_every_s=0.0))
    disk.sync_fault = lambda: hang.wait(10) and None
    with pytest.raises(AuditUnavailable, match="busier"):
        log.append(decision(1))
    hang.set()
    log.close()
    assert judged(tmp_path).whole


def test_what_finds_no_room_is_refused_in_bounded_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exchange.audit.storage.group.GROUP_RECORDS_MAX", 2)
    disk, hang = FaultyDisk(), threading.Event()
    log = open_log(tmp_path, disk=disk, limits=LogLimits(wait_s_max=0.2, checkpoint_every_s=0.0))
    disk.sync_fault = lambda: hang.wait(10) and None
    with ThreadPoolExecutor(8) as pool:
        tries = [pool.submit(log.append, decision(number)) for number in range(8)]
        errors = [attempt.exception(timeout=5) for attempt in tries]
        hang.set()
    assert all(isinstance(error, AuditUnavailable) for error in errors)
    log.close()
    assert len(lines_of(tmp_path)) < 8


def test_a_closed_log_takes_nothing_and_closing_twice_is_harmless(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    log.close()
    log.close()
    with pytest.raises(AuditUnavailable, match="closed"):
        log.append(decision(1))
    assert log.failure == "the audit log is closed"


def test_every_caller_gets_an_error_of_its_own(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    log.close()
    caught = []
    for _ in range(2):
        with pytest.raises(AuditUnavailable) as refused:
            log.append(decision(1))
        caught.append(refused.value)
    assert caught[0] is not caught[1]


def test_a_folder_that_cannot_be_made_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="folder cannot be used"):
        open_log(tmp_path / "file" / "log")


def test_a_strange_file_among_the_segments_is_a_configuration_error(tmp_path: Path) -> None:
    open_log(tmp_path).close()
    (Layout(tmp_path).segments_folder / "0.log").write_bytes(b"")
    with pytest.raises(ConfigError, match="no segment of this log"):
        open_log(tmp_path)


def test_a_time_is_written_with_six_decimals(tmp_path: Path) -> None:
    with open_log(tmp_path, clock=MovedClock(1_795_348_800_000_007)) as log:
        entry = Entry.parse(next(log.read()))
    assert entry.time == "2026-11-22T12:00:00.000007Z"
    assert entry.time_us == 1_795_348_800_000_007
