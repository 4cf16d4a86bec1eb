"""Many small reads at once: reads/s through the whole exchange and from a bare Flight server, in turns.

Run: python bench/small_reads.py [--runs 5] [--reads 200] [--at-once 8] [--json]

Each read is of ten rows, over connections that stand. A governed one is decided, recorded, ticketed, redeemed
once, governed, vouched for by both ends and recorded again: what it costs is these, not its rows.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import bare_flight

import exchange
from examples.city.town import running

ROWS = 10


def reads_per_s(read: Callable[[], int], reads: int, at_once: int) -> float:
    """How many a second, `at_once` at a time."""
    with ThreadPoolExecutor(at_once) as pool:
        begin = time.perf_counter()
        rows = list(pool.map(lambda _: read(), range(reads)))
        seconds = time.perf_counter() - begin
    assert set(rows) == {ROWS}
    return reads / seconds


def governed(city: exchange.City, where: str) -> Callable[[], int]:
    """A read of ten rows through the exchange."""

    def read() -> int:
        asked = city.read("port.flights", purpose="stewardship", where=where, limit=ROWS)
        return sum(batch.num_rows for batch in asked)

    return read


def run(reads: dict[str, Callable[[], int]], runs: int, count: int, at_once: int) -> list[dict[str, Any]]:
    """Each kind in turn, `runs` times after one that is not counted."""
    rates: dict[str, list[float]] = {name: [] for name in reads}
    for counted in range(runs + 1):
        for name, read in reads.items():
            rate = reads_per_s(read, count, at_once)
            if counted:
                rates[name].append(rate)
    bare = rates["bare flight"]
    return [
        {
            "read": name,
            "reads_per_s": round(statistics.median(found), 1),
            "time_ratio": round(
                statistics.median(base / rate for base, rate in zip(bare, found, strict=True)), 1
            ),
        }
        for name, found in rates.items()
    ]


def main() -> None:
    """Build the city, take turns, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--reads", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder)) as town,
        bare_flight.running(town) as bare,
        bare.connect() as client,
        exchange.connect(town.client("ops")) as city,
    ):
        reads = {
            "bare flight": lambda: bare_flight.read(client, ROWS),
            "governed": governed(city, ""),
            "governed, condition": governed(city, "carrier = 'HA'"),
        }
        lines = run(reads, arguments.runs, arguments.reads, arguments.at_once)
    if arguments.json:
        print(json.dumps(lines, indent=1))
        return
    for line in lines:
        print(f"{line['read']:<22}{line['reads_per_s']:>9.1f} reads/s{line['time_ratio']:>8.1f}×")


if __name__ == "__main__":
    main()
