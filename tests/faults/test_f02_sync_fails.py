"""F2 EIO from fsync: the log stops, never retries, and the next start reads what is really there."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from audit_house import NEVER_SIGN, FaultyDisk, decision, judged, open_log

from exchange.audit.storage import recovery
from exchange.errors import AuditUnavailable


def broken() -> None:
    raise OSError(errno.EIO, "input/output error")


def test_f02_after_one_failed_sync_every_append_is_refused_for_ever(tmp_path: Path) -> None:
    disk = FaultyDisk()
    log = open_log(tmp_path, disk=disk)
    log.append(decision(1))
    disk.sync_fault = broken
    with pytest.raises(AuditUnavailable, match="nothing can be recorded"):
        log.append(decision(2))
    disk.sync_fault = None
    acts = len(disk.acts)
    with pytest.raises(AuditUnavailable, match="nothing can be recorded"):
        log.append(decision(3))
    assert log.failure
    log.close()
    assert len(disk.acts) == acts


def test_f02_what_reached_the_disk_nevertheless_is_kept_and_the_log_goes_on(tmp_path: Path) -> None:
    disk = FaultyDisk()
    log = open_log(tmp_path, disk=disk)
    acknowledged = log.append(decision(1))
    disk.sync_fault = broken
    with pytest.raises(AuditUnavailable):
        log.append(decision(2))
    log.close()
    with open_log(tmp_path) as again:
        assert again.size >= acknowledged + 2
        again.append(decision(3))
    assert judged(tmp_path).whole


def test_f02_a_write_that_fails_for_another_reason_than_space_stops_the_log_too(tmp_path: Path) -> None:
    disk = FaultyDisk()
    log = open_log(tmp_path, disk=disk)

    def fail(_: bytes) -> int:
        raise OSError(errno.EIO, "input/output error")

    disk.write_fault = fail
    with pytest.raises(AuditUnavailable):
        log.append(decision(1))
    disk.write_fault = None
    with pytest.raises(AuditUnavailable):
        log.append(decision(2))
    log.close()


def test_f02_a_checkpoint_that_cannot_be_synced_stops_the_log(tmp_path: Path) -> None:
    disk = FaultyDisk()
    log = open_log(tmp_path, disk=disk)
    disk.replace_fault = broken
    with pytest.raises(AuditUnavailable):
        for number in range(100):
            log.append(decision(number))
    log.close()
    with open_log(tmp_path):
        pass
    assert judged(tmp_path).whole


def test_nothing_is_acknowledged_before_it_was_synced(tmp_path: Path) -> None:
    disk = FaultyDisk()
    with open_log(tmp_path, disk=disk, limits=NEVER_SIGN) as log:
        log.append(decision(1))
        disk.acts.clear()
        disk.writes.clear()
        log.append(decision(77))
        body = next(at for at, data in enumerate(disk.writes) if data.startswith(b"#batch"))
        assert disk.acts[: body + 3] == ["write", "sync", "write"]
        assert disk.writes[body + 1].startswith(b"#commit")


def test_f02_a_log_that_cannot_be_read_does_not_start_and_can_be_opened_once_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_log(tmp_path).close()
    with monkeypatch.context() as patched:
        patched.setattr(recovery, "scan", lambda *_: broken())
        with pytest.raises(AuditUnavailable, match="cannot be read"):
            open_log(tmp_path)
    open_log(tmp_path).close()
    assert judged(tmp_path).whole
