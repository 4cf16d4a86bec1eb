"""Append with durability: the log against a bare fdatasync for each record, in one run on the same disk.

    python bench/audit_append.py [--seconds 3] [--folder DIR] [--growth [RECORDS ...]]

Prints tables: records/s, p50 and p99 of one append in milliseconds, processor time of a record in us; for
writers that wait for each record, for writers that hand records over and look at the outcome later, and at
2,000 records/s that come whether or not those before are done (open loop: timed from when one was due).
With --growth also what grows with the log and what does not: cost of a record, memory, time to open.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exchange.audit.log import AuditLog, LogLimits
from exchange.audit.records.kinds import DecisionRecord
from exchange.audit.storage.group import Pending
from exchange.model.clock import SystemClock

KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
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
Result = tuple[float, float, float, float]


def opened(folder: Path, limits: LogLimits | None = None) -> AuditLog:
    """The log of a benchmark."""
    limits = limits or LogLimits()
    return AuditLog.open(folder, origin="bench.example/audit", key=KEY, clock=SystemClock(), limits=limits)


class Run:
    """What one run took."""

    def __init__(self) -> None:
        self.begun, self.cpu = time.perf_counter(), time.process_time()

    def figures(self, records: int, spent: list[float]) -> Result:
        """Records/s, p50 and p99 in milliseconds, microseconds of processor for each record."""
        took, cpu = time.perf_counter() - self.begun, time.process_time() - self.cpu
        spent.sort()
        p50, p99 = spent[len(spent) // 2], spent[len(spent) * 99 // 100]
        return records / took, p50 * 1e3, p99 * 1e3, cpu / records * 1e6


def hammer(act: Callable[[], int], writers: int, seconds: float) -> Result:
    """The figures of `act`, which appends and says how many records."""
    run, end, spent, counts = Run(), time.perf_counter() + seconds, [], [0] * writers

    def work(number: int) -> None:
        mine = []
        while (start := time.perf_counter()) < end:
            counts[number] += act()
            mine.append(time.perf_counter() - start)
        spent.extend(mine)

    in_threads(work, writers)
    return run.figures(sum(counts), spent)


def pipelined(log: AuditLog, writers: int, seconds: float, ahead: int) -> Result:
    """Writers that each have up to `ahead` records on their way."""
    run, end, spent, counts = Run(), time.perf_counter() + seconds, [], [0] * writers

    def work(number: int) -> None:
        mine: list[float] = []
        way: deque[Pending] = deque()
        while (start := time.perf_counter()) < end:
            pending = log.submit(RECORD)
            pending.add_done_callback(lambda _, start=start: mine.append(time.perf_counter() - start))
            way.append(pending)
            if len(way) >= ahead:
                way.popleft().result()
        for pending in way:
            pending.result()
        counts[number] = len(mine)
        spent.extend(mine)

    in_threads(work, writers)
    return run.figures(sum(counts), spent)


def open_loop(log: AuditLog, rate: int, seconds: float) -> Result:
    """Records that come at a steady rate, however long each takes; each is timed from when it was due."""
    run, spent = Run(), []
    way: list[Pending] = []
    begun = time.perf_counter()
    for number in range(round(rate * seconds)):
        due = begun + number / rate
        if (early := due - time.perf_counter()) > 0:
            time.sleep(early)
        pending = log.submit(RECORD)
        pending.add_done_callback(lambda _, due=due: spent.append(time.perf_counter() - due))
        way.append(pending)
    for pending in way:
        pending.result()
    return run.figures(len(way), spent)


def in_threads(work: Callable[[int], None], count: int) -> None:
    """Run the work in that many threads, to the end."""
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def rates(folder: Path, seconds: float) -> None:
    """The first table."""
    print(f"{'what':<40}{'records/s':>12}{'p50 ms':>10}{'p99 ms':>10}{'cpu us':>10}")
    descriptor = os.open(folder / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    line = RECORD.encode().line(0, b"2026-11-22T20:28:46.123456Z") + b"\n"

    def bare() -> int:
        os.write(descriptor, line)
        os.fdatasync(descriptor)
        return 1

    show("bare write + fdatasync, 1 writer", hammer(bare, 1, seconds))
    os.close(descriptor)
    with opened(folder / "log") as log:
        for writers in (1, 8, 64, 256):
            show(f"append, {writers} writers", hammer(lambda: log.append(RECORD) and 1, writers, seconds))
        for writers, ahead in ((1, 1000), (8, 200)):
            show(f"submit, {writers} writers, {ahead} ahead each", pipelined(log, writers, seconds, ahead))
        show("submit, 2,000/s open loop", open_loop(log, 2000, seconds))
        for size in (100, 1000):
            many = [RECORD] * size
            act = lambda many=many: len(log.append_many(many))  # noqa: E731
            show(f"append_many of {size}, 1 writer", hammer(act, 1, seconds))


def growth(folder: Path, sizes: Sequence[int]) -> None:
    """The second table: a log of ten thousand, then of more records; each opened by a new process."""
    print(f"\n{'records':>12}{'us a record':>14}{'cpu us':>10}{'open s':>10}{'memory MiB':>12}")
    limits = LogLimits(segment_bytes_max=64 << 20)
    at = 0
    for size in sizes:
        with opened(folder, limits) as log:
            begun, cpu = time.perf_counter(), time.process_time()
            for _ in range(at, size, 1000):
                log.append_many([RECORD] * 1000)
            spent = (time.perf_counter() - begun) / (size - at) * 1e6
            cpu = (time.process_time() - cpu) / (size - at) * 1e6
        took, memory = reopened(folder)
        print(f"{size:>12,}{spent:>14.1f}{cpu:>10.1f}{took:>10.2f}{memory:>12.0f}")
        at = size


def reopened(folder: Path) -> tuple[float, float]:
    """Seconds to open the log in a process of its own, and the most memory it then had, in MiB."""
    source = (
        "import sys, time, resource, pathlib, audit_append as bench\n"
        "begun = time.perf_counter()\n"
        "log = bench.opened(pathlib.Path(sys.argv[1]))\n"
        "took = time.perf_counter() - begun\n"
        "log.close()\n"
        "print(took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)\n"
    )
    command = [sys.executable, "-c", source, str(folder)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    took, memory = told.split()
    return float(took), float(memory)


def show(what: str, result: Result) -> None:
    """One row."""
    rate, p50, p99, cpu = result
    print(f"{what:<40}{rate:>12,.0f}{p50:>10.2f}{p99:>10.2f}{cpu:>10.1f}")


def main() -> None:
    """Run all and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--growth", type=int, nargs="*", metavar="RECORDS")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        if options.seconds:
            rates(Path(folder), options.seconds)
        if options.growth is not None:
            growth(Path(folder, "growing"), options.growth or (10_000, 100_000, 1_000_000))


if __name__ == "__main__":
    main()
