"""Governed rows/s against a bare Flight server on the same data, taken in turns in one run.

Run: python bench/governed_read.py [--runs 7] [--json]

The bare server is pyarrow.flight over mutual TLS that streams the same Parquet file: no policy, no record, no
digest. Beside it the same read through the exchange: (a) by the owner, every row and column; (b) by
`emergency`, with row filter, pseudonyms and withheld columns. The time of a governed read includes the
decision, its durable record, the ticket and the receipts.
Memory is the peak of the process that serves or reads, above what it had when idle.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing as mp
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pyarrow.flight as fl
import pyarrow.parquet as pq

import exchange
from examples.city.town import Town, running

ROWS = 336_776
BATCH_ROWS = 65_536


def peak_mib(pid: int) -> float:
    """Peak resident memory of a process so far, MiB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def forget_peak(pid: int) -> None:
    """Start the count of peak memory anew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


def serve_bare(parquet: Path, tls: Path, said: Connection) -> None:
    """A Flight server that does nothing but stream the file."""

    class Bare(fl.FlightServerBase):  # type: ignore[misc]
        def do_get(self, context: Any, ticket: Any) -> Any:  # noqa: ARG002
            file = pq.ParquetFile(parquet)
            return fl.GeneratorStream(file.schema_arrow, file.iter_batches(BATCH_ROWS))

    server = Bare(
        "grpc+tls://127.0.0.1:0",
        tls_certificates=[((tls / "listener.pem").read_bytes(), (tls / "listener.key").read_bytes())],
        verify_client=True,
        root_certificates=(tls / "roots.pem").read_bytes(),
    )
    said.send(server.port)
    server.serve()


def read_bare(port: int, town: Town) -> int:
    """Every batch from the bare server; the rows."""
    tls = town.folder / "clients" / "dispatch"
    with fl.FlightClient(
        f"grpc+tls://127.0.0.1:{port}",
        tls_root_certs=(tls / "roots.pem").read_bytes(),
        cert_chain=(tls / "identity.pem").read_bytes(),
        private_key=(tls / "identity.key").read_bytes(),
    ) as client:
        return sum(chunk.data.num_rows for chunk in client.do_get(fl.Ticket(b"flights")))


def read_governed(town: Town, who: str, purpose: str) -> int:
    """Every batch through the exchange; the rows."""
    with exchange.connect(town.client(who)) as city:
        return sum(batch.num_rows for batch in city.read("port.flights", purpose=purpose))


def measured(read: Callable[[], int], server: int) -> dict[str, float]:
    """One read: seconds, rows, and how far memory rose on both sides."""
    idle = {pid: _resident_mib(pid) for pid in (server, os.getpid())}
    for pid in idle:
        forget_peak(pid)
    begin = time.perf_counter()
    rows = read()
    seconds = time.perf_counter() - begin
    rose = {pid: peak_mib(pid) - idle[pid] for pid in idle}
    return {"s": seconds, "rows": rows, "server_mib": rose[server], "client_mib": rose[os.getpid()]}


def _resident_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def run(town: Town, bare_port: int, bare_pid: int, runs: int) -> dict[str, list[dict[str, float]]]:
    """Each read in turn, `runs` times after one that is not counted."""
    port = town.processes["port"].pid
    reads: dict[str, tuple[Callable[[], int], int]] = {
        "bare flight": (lambda: read_bare(bare_port, town), bare_pid),
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
    """Medians, and the ratio to the bare server pair by pair."""
    bare = [result["s"] for result in results["bare flight"]]
    lines = []
    for name, found in results.items():
        seconds = statistics.median(result["s"] for result in found)
        ratios = [result["s"] / base for result, base in zip(found, bare, strict=True)]
        lines.append(
            {
                "read": name,
                "rows": int(found[0]["rows"]),
                "seconds": round(seconds, 3),
                "scanned_rows_per_s": round(ROWS / seconds),
                "delivered_rows_per_s": round(found[0]["rows"] / seconds),
                "time_ratio": round(statistics.median(ratios), 2),
                "server_mib": round(statistics.median(result["server_mib"] for result in found), 1),
                "client_mib": round(statistics.median(result["client_mib"] for result in found), 1),
            }
        )
    return lines


def main() -> None:
    """Build the city, take turns, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as town:
        near, far = mp.Pipe()
        tls, parquet = town.home("port") / "tls", town.home("port") / "data" / "flights.parquet"
        context = mp.get_context("spawn")
        bare = context.Process(target=serve_bare, args=(parquet, tls, far), daemon=True)
        bare.start()
        lines = report(run(town, near.recv(), bare.pid or 0, arguments.runs))
        bare.kill()
    if arguments.json:
        print(json.dumps(lines, indent=1))
        return
    print(
        f"{'read':<22}{'rows':>9}{'s':>8}{'scanned/s':>12}{'delivered/s':>13}{'time':>7}{'server':>9}{'client':>9}"
    )
    for line in lines:
        print(
            f"{line['read']:<22}{line['rows']:>9,}{line['seconds']:>8.3f}{line['scanned_rows_per_s']:>12,}"
            f"{line['delivered_rows_per_s']:>13,}{line['time_ratio']:>6.2f}×{line['server_mib']:>6.0f} MiB"
            f"{line['client_mib']:>6.0f} MiB"
        )


if __name__ == "__main__":
    main()
