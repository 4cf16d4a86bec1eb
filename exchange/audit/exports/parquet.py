"""Parquet: the columns of the index, typed, and the record itself as it lies in the log."""

from __future__ import annotations

from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from exchange.audit.exports.choice import Chosen
from exchange.audit.index.schema import COLUMNS, Sort, row_of

GROUP_ROWS = 1 << 14
RECORD = "record"
_TYPES: dict[Sort, pa.DataType] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "list": pa.list_(pa.string()),
    "time": pa.timestamp("us", tz="UTC"),
}
SCHEMA = pa.schema([*((name, _TYPES[sort]) for name, sort in COLUMNS.items()), (RECORD, pa.string())])


class Parquet:
    """A row a record, in groups of some thousand; zstd."""

    def __init__(self, file: BinaryIO) -> None:
        self._writer = pq.ParquetWriter(file, SCHEMA, compression="zstd")
        self._rows: list[dict[str, Any]] = []

    def write(self, one: Chosen) -> None:
        """Append a record."""
        self._rows.append({**row_of(one.entry.index, one.entry.fields), RECORD: one.line.decode()})
        if len(self._rows) == GROUP_ROWS:
            self._flush()

    def close(self) -> None:
        """Write what is left, and the file's footer."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, schema=SCHEMA))
            self._rows = []
