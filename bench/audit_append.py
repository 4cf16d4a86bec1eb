"""Append with durability: the log against a bare fdatasync for each record, in one run on the same disk.

    python bench/audit_append.py [--seconds 3] [--folder DIR]

Prints a table: writers, records/s, p50 and p99 of one append in milliseconds.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exchange.audit.log import AuditLog
from exchange.audit.records.kinds import DecisionRecord
from exchange.model.clock import SystemClock

RECORD = DecisionRecord(
    id="5f" * 16,
    trace="a7" * 16,
    subject="spiffe://emergency.zhongshui.example/system/dispatch",
    department="emergency",
    dataset="port.flights",
    columns=("year", "month", "day", "origin", "dest", "tailnum", "dep_delay"),
    columns_count=7,
    columns_digest="0d" * 32,
    purpose="emergency-response",
    action="read",
    decision="allow",
    reason="granted",
    public_reason="granted",
    rules=("departments/port/grants.csv:3", "departments/port/conditions.rego#masks"),
    obligations="1e" * 32,
    schema_digest="2f" * 32,
    revision=12,
    state="normal",
    predicate='"dep_delay" > ?',
    commitment="3a" * 32,
    expires="2026-11-22T20:33:46.000000Z",
)


def hammer(act: Callable[[], int], writers: int, seconds: float) -> tuple[float, float, float]:
    """Records/s, p50 and p99 in ms of `act`, which appends and says how many records."""
    end, spent, counts = time.perf_counter() + seconds, [], [0] * writers
    begun = time.perf_counter()

    def work(number: int) -> None:
        mine = []
        while (start := time.perf_counter()) < end:
            counts[number] += act()
            mine.append(time.perf_counter() - start)
        spent.extend(mine)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - begun
    spent.sort()
    return sum(counts) / took, spent[len(spent) // 2] * 1e3, spent[len(spent) * 99 // 100] * 1e3


def main() -> None:
    """Run all and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--folder", type=Path, default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        print(f"{'what':<34}{'records/s':>12}{'p50 ms':>10}{'p99 ms':>10}")
        descriptor = os.open(Path(folder, "bare"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        line = RECORD.encode().line(0, b"2026-11-22T20:28:46.123456Z") + b"\n"

        def bare() -> int:
            os.write(descriptor, line)
            os.fdatasync(descriptor)
            return 1

        show("bare write + fdatasync, 1 writer", hammer(bare, 1, options.seconds))
        os.close(descriptor)
        key = Ed25519PrivateKey.generate()
        with AuditLog.open(
            Path(folder, "log"), origin="bench.example/audit", key=key, clock=SystemClock()
        ) as log:
            for writers in (1, 8, 64):
                act = lambda: log.append(RECORD.model_copy()) and 1  # noqa: E731
                show(f"append, {writers} writers", hammer(act, writers, options.seconds))
            for size in (100, 1000):
                many = [RECORD] * size
                act = lambda many=many: len(log.append_many(many))  # noqa: E731
                show(f"append_many of {size}, 1 writer", hammer(act, 1, options.seconds))
            show(
                "append_many of 100, 8 writers",
                hammer(lambda: len(log.append_many([RECORD] * 100)), 8, options.seconds),
            )


def show(what: str, result: tuple[float, float, float]) -> None:
    """One row."""
    rate, p50, p99 = result
    print(f"{what:<34}{rate:>12,.0f}{p50:>10.2f}{p99:>10.2f}")


if __name__ == "__main__":
    main()
