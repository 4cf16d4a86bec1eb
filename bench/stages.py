"""Where the time of a governed read goes: processor milliseconds of each stage, for every flight and column.

Run: python bench/stages.py [rounds]

One process, one thread's work at a time, the stages in turns; the lowest of the rounds, because the machine's
noise only ever adds. What gRPC, TLS and the kernel take is not here: it is the rest of `governed_read.py`.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pyarrow as pa

from connectors.duckdb.engine import Engine, Relation
from connectors.files import FilesSource
from connectors.options import EngineLimits
from examples.city import data
from exchange.connector.enforce.govern import govern, plan
from exchange.model.obligation import ColumnRule, Obligations
from exchange.model.predicate import Predicate
from exchange.model.predicate_sql import parse
from exchange.wire import flight

FILE = "flights.parquet"
LATE = parse("dep_delay > 30")
Stage = Callable[[], object]


def drain(batches: Iterable[pa.RecordBatch]) -> int:
    """Pull everything; the rows pulled."""
    return sum(batch.num_rows for batch in batches)


def stages(folder: Path) -> dict[str, Stage]:
    """What to measure, by name."""
    source = FilesSource({"root": str(folder)}, folder)
    engine = Engine(":memory:", [folder], EngineLimits(), folder)
    table = Relation("read_parquet(?)", (str(folder / FILE),))
    raw = source.schema(FILE)
    everything = Obligations(columns=tuple(ColumnRule(name=name) for name in raw.names))
    size = plan(everything, None, raw).batch_rows

    def scan(hint: Predicate | None, rows: int = size, *, all_of_it: bool = True) -> int:
        with source.scan(FILE, raw.names, hint, rows) as batches:
            return drain(batches) if all_of_it else next(batches).num_rows

    def duckdb(hint: Predicate | None, *, all_of_it: bool = True) -> int:
        with engine.scan(table, raw.names, hint, size) as batches:
            return drain(batches) if all_of_it else next(batches).num_rows

    with source.scan(FILE, raw.names, None, size) as batches:
        scanned = list(batches)
    governed = list(govern(iter(scanned), everything, None, raw, bytes(32)))
    parts = [flight.ipc_parts(batch.serialize()) for batch in governed]
    messages = [flight.encode(part) for part in parts]
    print(f"{len(messages)} messages, {sum(map(len, messages)) / 1e6:.1f} MB, {size:,} rows at a time")
    return {
        "scan, as it is done": lambda: scan(None),
        "scan by DuckDB": lambda: duckdb(None),
        "scan of 14 % of the rows": lambda: scan(LATE),
        "first rows, as it is done": lambda: scan(None, 1024, all_of_it=False),
        "first rows by DuckDB": lambda: duckdb(None, all_of_it=False),
        "govern": lambda: drain(govern(iter(scanned), everything, None, raw, bytes(32))),
        "serialise": lambda: [flight.ipc_parts(batch.serialize()) for batch in governed],
        "frame": lambda: [flight.encode(part) for part in parts],
        "SHA-256, at either end": lambda: _digest(parts),
        "client: unframe, align, validate": lambda: [
            flight.read_batch(flight.decode(message), governed[0].schema) for message in messages
        ],
    }


def _digest(parts: list[flight.Data]) -> str:
    sha256 = hashlib.sha256()
    for part in parts:
        sha256.update(part.header)
        sha256.update(part.body)
    return sha256.hexdigest()


def main() -> None:
    """Take turns, print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory() as folder:
        data.write_flights(Path(folder) / FILE)
        found = stages(Path(folder).resolve())
        lowest = dict.fromkeys(found, float("inf"))
        for _ in range(rounds):
            for name, work in found.items():
                begin = time.process_time()
                work()
                lowest[name] = min(lowest[name], time.process_time() - begin)
    for name, seconds in lowest.items():
        print(f"{name:<36}{seconds * 1e3:8.1f} ms")


if __name__ == "__main__":
    main()
