"""A log of several small sealed segments, for tests of archives and retention."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from audit_house import NOON_US, PUBLIC, MovedClock, decision, open_log

from exchange.audit.keeping.retain import due, remove
from exchange.audit.log import AuditLog, LogLimits
from exchange.audit.records.kinds import AdministrationRecord
from exchange.audit.records.retention import Retained
from exchange.audit.storage.layout import Layout
from exchange.audit.storage.seal import Seal, open_seal
from exchange.audit.storage.segment import Batch, encode_batch, scan

SMALL = LogLimits(checkpoint_every_s=0.0, segment_bytes_max=3000)
DAY_US = 86_400_000_000
BROKER = "spiffe://city.zhongshui.example/broker"


def grown(folder: Path, batches: int = 12, *, begun_us: int = NOON_US) -> Path:
    """A closed log of small segments: batches of three records, a day apart."""
    clock = MovedClock(begun_us)
    with open_log(folder, clock=clock, limits=SMALL) as log:
        for batch in range(batches):
            log.append_many([decision(batch * 3 + number) for number in range(3)])
            clock.wall_us += DAY_US
            clock.steady_s += DAY_US / 1e6
        log.append(AdministrationRecord(subject=BROKER, call="x", outcome="done"))
    assert len(seals_of(folder)) >= 3
    return folder


def seals_of(folder: Path) -> list[Seal]:
    """The seals of the log, in order."""
    return [open_seal(path.read_bytes(), PUBLIC) for path in Layout(folder).seals()]


def announcing(log: AuditLog) -> Callable[[Retained], None]:
    """Record a removal and wait for the checkpoint that covers it."""

    def announce(retained: Retained) -> None:
        index = log.append(retained.record(BROKER))
        until = time.monotonic() + 10
        while int(log.checkpoint().split(b"\n")[1]) <= index:
            assert time.monotonic() < until
            time.sleep(0.005)

    return announce


def shortened(folder: Path, segments: int = 1, day: int = 400) -> list[Retained]:
    """Retention removes the oldest segments on that day, as the broker does it."""
    layout = Layout(folder)
    clock = MovedClock(MovedClock().wall_us + day * DAY_US)
    with open_log(folder, clock=clock, limits=SMALL) as log:
        seals = due(layout, PUBLIC, clock.now_us())[:segments]
        return [remove(layout, seal, announce=announcing(log), archive=None) for seal in seals]


def rewritten(path: Path, change: Callable[[list[list[bytes]]], None]) -> None:
    """A forger changes the lines of a segment and mends its batch headers."""
    batches: list[Batch] = list(scan(path))
    lines = [batch.records for batch in batches]
    text = path.read_bytes()
    commits = [text[batch.body_end : batch.end] for batch in batches]
    change(lines)
    forged = [
        encode_batch(batch.first, records) + commit if records else commit
        for batch, records, commit in zip(batches, lines, commits, strict=True)
    ]
    path.write_bytes(b"".join(forged))
