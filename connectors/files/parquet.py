"""Parquet, read by whichever engine is faster at the scan in hand.

DuckDB skips what a condition excludes, so it has every scan with one. A scan without one is only decoding:
Arrow does it in less processor time, and its first rows come in a fifth of it (`bench/stages.py`).
DuckDB says what the types are; Arrow only reads columns of plain types that both understand alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.batches import cut, standard
from connectors.duckdb.engine import Engine, Relation
from connectors.duckdb.failure import translated
from connectors.duckdb.pushdown import condition
from connectors.files.unchanged import Unchanged
from exchange.model.predicate import Predicate

ARROW_FILES_MAX = 16
"""A folder of more is left to DuckDB, which need not open all of them to see that they agree."""

_SQL = "read_parquet(?, hive_partitioning=false, union_by_name=false)"
_BUFFER_BYTES = 256 << 10
"""How much of a column is read at a time. Otherwise Arrow holds what it read of the file until its end: a row
group of every column, or with `pre_buffer`, its default, all of them."""

_ALIKE = (
    pa.types.is_boolean,
    pa.types.is_integer,
    pa.types.is_float32,
    pa.types.is_float64,
    pa.types.is_string,
    pa.types.is_date32,
)


class Parquet:
    """Parquet tables of one source; used from many threads.

    Args:
        engine: DuckDB, confined to the source's root.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._schemas: Unchanged[pa.Schema] = Unchanged()

    def schema(self, files: Sequence[Path]) -> pa.Schema:
        """The standard schema of the files as one table.

        Raises:
            SourceFailed: it cannot be read.
        """
        return self._schemas.get(files, lambda: self._engine.schema(_relation(files)))

    @contextmanager
    def scan(
        self, files: Sequence[Path], columns: Sequence[str], hint: Predicate | None, batch_rows_max: int
    ) -> Iterator[Iterator[pa.RecordBatch]]:
        """Rows of all files as `Source.scan` promises them."""
        table, schema = _relation(files), self.schema(files)
        with ExitStack() as held:
            # What is skipped is a matter of speed alone: the caller applies the whole predicate again.
            skips = condition(hint, schema, text_pushed=table.text_pushed)[0]
            if not skips and len(files) <= ARROW_FILES_MAX:
                wanted = pa.schema([schema.field(name) for name in columns if name in schema.names])
                with translated():
                    opened = [_open(file, held) for file in files]
                if wanted.names == list(columns) and all(_alike(file, wanted) for file in opened):
                    yield _batches(opened, wanted, batch_rows_max)
                    return
            yield held.enter_context(self._engine.scan(table, columns, hint, batch_rows_max, schema))


def _relation(files: Sequence[Path]) -> Relation:
    return Relation(_SQL, ([str(file) for file in files],))


def _open(file: Path, held: ExitStack) -> pq.ParquetFile:
    # Plain reads, not a memory map: a mapped file that somebody cuts short kills the process.
    data = held.enter_context(pa.OSFile(str(file)))
    return held.enter_context(pq.ParquetFile(data, buffer_size=_BUFFER_BYTES, pre_buffer=False))


def _batches(files: Sequence[pq.ParquetFile], wanted: pa.Schema, rows_max: int) -> Iterator[pa.RecordBatch]:
    for file in files:
        with translated():
            found = file.iter_batches(rows_max, columns=wanted.names, use_threads=False)
        while (batch := _next(found, wanted)) is not None:
            yield from cut(batch, rows_max)


def _next(found: Iterator[pa.RecordBatch], wanted: pa.Schema) -> pa.RecordBatch | None:
    with translated():
        batch = next(found, None)
        if batch is None:
            return None
        batch = standard(batch.select(wanted.names), wanted)
        # Arrow takes on trust that text is UTF-8, where DuckDB looks; nobody is sent anything else.
        batch.validate(full=True)
        return batch


def _alike(file: pq.ParquetFile, wanted: pa.Schema) -> bool:
    schema = file.schema_arrow
    found = [schema.get_all_field_indices(name) for name in wanted.names]
    return all(
        len(indices) == 1 and _same(schema.field(indices[0]).type, kind)
        for indices, kind in zip(found, wanted.types, strict=True)
    )


def _same(arrow: pa.DataType, duckdb: pa.DataType) -> bool:
    if pa.types.is_timestamp(arrow) and pa.types.is_timestamp(duckdb):
        # Milliseconds become microseconds, as in DuckDB; `standard` fails where they do not fit.
        return bool(arrow.tz == duckdb.tz and arrow.unit in {"ms", "us"} and duckdb.unit == "us")
    return arrow == duckdb and any(test(arrow) for test in _ALIKE)
