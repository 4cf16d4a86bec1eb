"""Batches as the source interface promises them: no metadata, standard types, not too long, never empty."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa


def standard_schema(schema: pa.Schema) -> pa.Schema:
    """The schema as `Source.schema` returns it: no metadata, no extensions, lists of `item`."""
    return pa.schema([pa.field(field.name, _standard(field.type)) for field in schema])


def standard(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch under its standard schema; nothing is copied."""
    columns = []
    for column, field in zip(batch.columns, schema, strict=True):
        values = column.storage if isinstance(column.type, pa.BaseExtensionType) else column
        columns.append(values if _same(values.type, field.type) else values.cast(field.type))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def cut(batch: pa.RecordBatch, rows_max: int) -> Iterator[pa.RecordBatch]:
    """The batch in slices of at most `rows_max` rows; nothing at all if it is empty."""
    for start in range(0, batch.num_rows, rows_max):
        yield batch if batch.num_rows <= rows_max else batch.slice(start, rows_max)


def _same(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Also by the names of lists' items, which pyarrow takes for alike and a schema's text does not."""
    return bool(found == wanted and (not pa.types.is_list(found) or str(found) == str(wanted)))


def _standard(kind: pa.DataType) -> pa.DataType:
    if isinstance(kind, pa.BaseExtensionType):
        return _standard(kind.storage_type)
    if pa.types.is_timestamp(kind) and kind.tz == "Etc/UTC":
        return pa.timestamp(kind.unit, "UTC")
    if pa.types.is_list(kind):
        # As Arrow names it everywhere, and not each engine its own way: a schema's text must read back.
        return pa.list_(pa.field("item", _standard(kind.value_type), kind.value_field.nullable))
    return kind
