"""F9 the clock ten minutes off: the log's time never goes back, and the jump is on record."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from audit_house import NOON_US, FaultyDisk, MovedClock, decision, judged, open_log

from exchange.audit.log import AuditLog
from exchange.audit.records.entry import Entry
from exchange.errors import AuditUnavailable

TEN_MINUTES_US = 600_000_000


def entries(log: AuditLog) -> list[Entry]:
    return [Entry.parse(line) for line in log.read()]


def test_f09_a_clock_set_back_holds_the_time_and_raises_the_alarm(tmp_path: Path) -> None:
    clock = MovedClock()
    with open_log(tmp_path, clock=clock) as log:
        log.append(decision(1))
        clock.wall_us -= TEN_MINUTES_US
        index = log.append(decision(2))
        alarm, after = entries(log)[-2:]
    assert (alarm.kind, alarm.fields["event"], alarm.fields["step_us"]) == (
        "log",
        "clock-step",
        -TEN_MINUTES_US,
    )
    assert (after.index, after.fields["id"]) == (index, f"{2:032x}")
    assert after.time_us == NOON_US
    assert judged(tmp_path).whole


def test_f09_a_clock_set_forward_raises_the_alarm_too(tmp_path: Path) -> None:
    clock = MovedClock()
    with open_log(tmp_path, clock=clock) as log:
        clock.wall_us += TEN_MINUTES_US
        log.append(decision(1))
        assert entries(log)[-2].fields["step_us"] == TEN_MINUTES_US


def test_f09_time_that_merely_passes_is_no_alarm(tmp_path: Path) -> None:
    clock = MovedClock()
    with open_log(tmp_path, clock=clock) as log:
        clock.wall_us += TEN_MINUTES_US
        clock.steady_s += 600
        log.append(decision(1))
        assert [entry.kind for entry in entries(log)] == ["log", "decision"]
        assert entries(log)[-1].time_us == NOON_US + TEN_MINUTES_US


def test_f09_time_does_not_go_back_over_a_restart_either(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        log.append(decision(1))
    with open_log(tmp_path, clock=MovedClock(NOON_US - TEN_MINUTES_US)) as log:
        log.append(decision(2))
        times = [entry.time_us for entry in entries(log)]
        alarms = [entry.fields for entry in entries(log) if entry.fields.get("event") == "clock-step"]
    assert times == [NOON_US] * len(times)
    assert [alarm["step_us"] for alarm in alarms] == [-TEN_MINUTES_US]
    assert judged(tmp_path).whole


def test_f09_an_alarm_that_finds_no_space_is_raised_when_there_is_space_again(tmp_path: Path) -> None:
    clock, disk = MovedClock(), FaultyDisk()

    def full(_: bytes) -> int:
        raise OSError(errno.ENOSPC, "no space left on device")

    with open_log(tmp_path, clock=clock, disk=disk) as log:
        log.append(decision(1))
        clock.wall_us -= TEN_MINUTES_US
        disk.write_fault = full
        with pytest.raises(AuditUnavailable):
            log.append(decision(2))
        disk.write_fault = None
        log.append(decision(3))
        alarm = entries(log)[-2]
    assert (alarm.fields["event"], alarm.fields["step_us"]) == ("clock-step", -TEN_MINUTES_US)
    assert alarm.time_us == NOON_US
