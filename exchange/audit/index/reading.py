"""Asking an index in SQL: the view `records`, its columns as in `schema`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from exchange.audit.index.engine import MEMORY_READ, engine, literal, pattern_of, threads_for_reading
from exchange.audit.index.locks import reading
from exchange.audit.index.rows import no_rows
from exchange.audit.index.schema import COLUMNS
from exchange.audit.index.shards import disjoint, listed


@contextmanager
def opened(index: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory DuckDB with the view `records`; a refresh meanwhile does not disturb it.

    The connection reads the index's folder and nothing else, loads nothing, and is bounded in memory and
    threads. Give values as parameters, never in the text of a statement. What it answers is as good as the
    index, which proves nothing: read what matters from the log itself.

    Fetch times as `epoch_us(time)` or through Arrow: DuckDB makes no Python time of them without `pytz`.
    """
    with reading(index), engine(index, memory=MEMORY_READ, threads=threads_for_reading()) as connection:
        paths = ", ".join(literal(pattern_of(one.path)) for one in disjoint(listed(index)))
        columns = ", ".join(f'"{name}"' for name in COLUMNS)
        shards = f"SELECT * FROM read_parquet([{paths}])" if paths else no_rows()  # noqa: S608 - all quoted
        connection.execute(f"CREATE VIEW stored AS {shards}")
        connection.execute(f"CREATE VIEW records AS SELECT {columns} FROM stored")  # noqa: S608 - own names
        yield connection
