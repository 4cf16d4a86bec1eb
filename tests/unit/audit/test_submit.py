"""Records handed over without waiting: durable when the result says so, and not before."""

from __future__ import annotations

import errno
import threading
from pathlib import Path

import pytest
from audit_house import FaultyDisk, decision, judged, open_log

from exchange.audit.records.entry import Entry
from exchange.audit.storage.group import Pending
from exchange.errors import AuditUnavailable


def test_each_gets_its_own_place_in_the_order_of_handing_over(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        pending = [log.submit(decision(number)) for number in range(1, 200)]
        assert [each.result() for each in pending] == list(range(1, 200))
        assert all(each.done() for each in pending)
        assert [int(Entry.parse(line).fields["id"], 16) for line in log.read(1)] == list(range(1, 200))
    assert judged(tmp_path).whole


def test_nothing_is_done_before_the_sync(tmp_path: Path) -> None:
    disk, may_sync = FaultyDisk(), threading.Event()
    with open_log(tmp_path, disk=disk) as log:
        disk.sync_fault = lambda: may_sync.wait(10) and None
        pending = log.submit(decision(1))
        assert not pending.done()
        with pytest.raises(AuditUnavailable, match="busier"):
            pending.result(0.01)
        may_sync.set()
        assert pending.result() == 1


def test_a_callback_is_called_once_early_or_late(tmp_path: Path) -> None:
    told: list[int] = []
    with open_log(tmp_path) as log:
        early = log.submit(decision(1))
        early.add_done_callback(lambda pending: told.append(pending.result()))
        early.result()
        early.add_done_callback(lambda pending: told.append(-pending.result()))
    assert sorted(told) == [-1, 1]


def test_a_callback_that_raises_stops_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: Pending) -> None:
        raise RuntimeError("a caller's defect")

    disk, may_sync = FaultyDisk(), threading.Event()
    with open_log(tmp_path, disk=disk) as log:
        disk.sync_fault = lambda: may_sync.wait(10) and None
        log.submit(decision(1)).add_done_callback(fail)
        second = log.submit(decision(2))
        may_sync.set()
        assert second.result() == 2
        assert log.append(decision(3)) == 3
    assert "a callback behind an audit record failed" in caplog.text


def test_when_the_disk_fails_everyone_is_told(tmp_path: Path) -> None:
    disk = FaultyDisk()
    log = open_log(tmp_path, disk=disk)

    def fail() -> None:
        raise OSError(errno.EIO, "input/output error")

    disk.sync_fault = fail
    pending = []
    with pytest.raises(AuditUnavailable):
        for number in range(10_000):
            pending.append(log.submit(decision(number)))
            pending[-1].result()
    for each in pending:
        with pytest.raises(AuditUnavailable, match="nothing can be recorded"):
            each.result()
    with pytest.raises(AuditUnavailable):
        log.submit(decision(1))
    log.close()
