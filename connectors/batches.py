"""Batches as the source interface promises them: no metadata, standard types, not too long, never empty."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa


def standard_schema(schema: pa.Schema) -> pa.Schema:
    """The schema as `Source.schema` returns it: without metadata, extensions as what they are stored as."""
    return pa.schema([pa.field(field.name, _standard(field.type)) for field in schema])


def standard(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch under its standard schema; nothing is copied."""
    columns = []
    for column, field in zip(batch.columns, schema, strict=True):
        values = column.storage if isinstance(column.type, pa.BaseExtensionType) else column
        columns.append(values if values.type == field.type else values.cast(field.type))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def cut(batch: pa.RecordBatch, rows_max: int) -> Iterator[pa.RecordBatch]:
    """The batch in slices of at most `rows_max` rows; nothing at all if it is empty."""
    for start in range(0, batch.num_rows, rows_max):
        yield batch if batch.num_rows <= rows_max else batch.slice(start, rows_max)


def _standard(kind: pa.DataType) -> pa.DataType:
    if isinstance(kind, pa.BaseExtensionType):
        return _standard(kind.storage_type)
    if pa.types.is_timestamp(kind) and kind.tz == "Etc/UTC":
        return pa.timestamp(kind.unit, "UTC")
    return kind
