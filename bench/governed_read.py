"""Governed rows/s against a bare Flight server on the same data, taken in turns in one run.

Run: python bench/governed_read.py [--runs 7] [--times 1] [--json]

Beside the bare read (`bare_flight.py`) the same read through the exchange: (a) by the owner, every row and
column; (b) by `emergency`, with row filter, masks and withheld columns. The time of a governed read includes
the connection, the decision, its durable record, the ticket and the receipts.
Memory: the peak of the whole process that serves, and how far one read raises it in this one, which reads.
With `--times 10` the data are ten times as many, and both must be the same.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bare_flight
import pyarrow as pa
from bare_flight import Bare
from resident import forget_peak, resident_mib

import exchange
from examples.city import data
from examples.city.town import Town, running

Read = Callable[[], int]


def read_bare(bare: Bare) -> int:
    """Every batch from the bare server; the rows."""
    with bare.connect() as client:
        return bare_flight.read(client)


def read_governed(town: Town, who: str, purpose: str) -> int:
    """Every batch through the exchange; the rows."""
    with exchange.connect(town.client(who)) as city:
        return sum(batch.num_rows for batch in city.read("port.flights", purpose=purpose))


def measured(read: Read, server: int) -> dict[str, float]:
    """One read: seconds, rows, and the peak of memory on both sides."""
    client = os.getpid()
    for pid in (server, client):
        forget_peak(pid)
    before_mib = resident_mib(client, "VmRSS")
    begin = time.perf_counter()
    rows = read()
    seconds = time.perf_counter() - begin
    rise_mib = resident_mib(client, "VmHWM") - before_mib
    return {"s": seconds, "rows": rows, "server_mib": resident_mib(server, "VmHWM"), "client_mib": rise_mib}


def run(town: Town, bare: Bare, runs: int) -> dict[str, list[dict[str, float]]]:
    """Each read in turn, `runs` times after one that is not counted."""
    port = town.processes["port"].pid
    reads: dict[str, tuple[Read, int]] = {
        "bare flight": (lambda: read_bare(bare), bare.pid),
        "governed, owner": (lambda: read_governed(town, "ops", "stewardship"), port),
        "governed, emergency": (lambda: read_governed(town, "dispatch", "emergency-response"), port),
    }
    results: dict[str, list[dict[str, float]]] = {name: [] for name in reads}
    for counted in range(runs + 1):
        for name, (read, server) in reads.items():
            result = measured(read, server)
            if counted:
                results[name].append(result)
    return results


def report(results: dict[str, list[dict[str, float]]]) -> list[dict[str, Any]]:
    """Medians; the ratio to the bare server pair by pair; the highest peaks."""
    bare = results["bare flight"]
    lines = []
    for name, found in results.items():
        seconds = statistics.median(result["s"] for result in found)
        ratios = [result["s"] / base["s"] for result, base in zip(found, bare, strict=True)]
        lines.append(
            {
                "read": name,
                "rows": int(found[0]["rows"]),
                "seconds": round(seconds, 3),
                "scanned_rows_per_s": round(bare[0]["rows"] / seconds),
                "delivered_rows_per_s": round(found[0]["rows"] / seconds),
                "time_ratio": round(statistics.median(ratios), 2),
                "server_mib": round(max(result["server_mib"] for result in found), 1),
                "client_mib": round(max(result["client_mib"] for result in found), 1),
            }
        )
    return lines


def _write(town: Town, times: int) -> None:
    """More flights, made in a process of its own, so that the client's memory is not the maker's."""
    where = town.home("port") / "data" / "flights.parquet"
    maker = multiprocessing.get_context("spawn").Process(target=data.write_flights, args=(where, times))
    maker.start()
    maker.join()
    pa.default_memory_pool().release_unused()


def main() -> None:
    """Build the city, take turns, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--times", type=int, default=1, help="repeat the year of flights so often")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as town:
        _write(town, arguments.times)
        with bare_flight.running(town) as bare:
            lines = report(run(town, bare, arguments.runs))
    if arguments.json:
        print(json.dumps(lines, indent=1))
        return
    print(
        f"{'read':<20}{'rows':>11}{'s':>8}{'scanned/s':>12}{'delivered/s':>13}{'time':>7}{'server':>10}{'client':>10}"
    )
    for line in lines:
        print(
            f"{line['read']:<20}{line['rows']:>11,}{line['seconds']:>8.3f}{line['scanned_rows_per_s']:>12,}"
            f"{line['delivered_rows_per_s']:>13,}{line['time_ratio']:>6.2f}×{line['server_mib']:>6.0f} MiB"
            f"{line['client_mib']:>6.0f} MiB"
        )


if __name__ == "__main__":
    main()
