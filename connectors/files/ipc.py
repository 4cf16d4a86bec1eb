"""Arrow IPC files and streams, read message by message without DuckDB.

Plain reads, not a memory map: a mapped file that somebody cuts short kills the process.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pyarrow as pa

from connectors.batches import cut, standard, standard_schema
from connectors.duckdb.failure import translated
from exchange.errors import SourceFailed

_MAGIC = b"ARROW1"
_END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"


def schema_of(files: Sequence[Path]) -> pa.Schema:
    """The standard schema, the same in every file.

    Raises:
        SourceFailed: a file cannot be read, or the files differ.
    """
    found = []
    for file in files:
        with translated(), pa.OSFile(str(file)) as data:
            found.append(standard_schema(_open(data, file, None).schema))
    if any(schema != found[0] for schema in found):
        raise SourceFailed("the files of the dataset have different columns")
    return found[0]


@contextmanager
def scan(
    files: Sequence[Path], columns: Sequence[str], batch_rows_max: int
) -> Iterator[Iterator[pa.RecordBatch]]:
    """Rows of all files as `Source.scan` promises them; only the named columns are decoded."""
    schema = schema_of(files)
    wanted = pa.schema([schema.field(_only(schema, name)) for name in columns])
    with closing(_batches(files, schema, wanted, batch_rows_max)) as batches:
        yield batches


def _only(schema: pa.Schema, name: str) -> int:
    indices = schema.get_all_field_indices(name)
    if len(indices) != 1:
        raise SourceFailed("a column of the dataset is missing or there twice", detail=repr(name))
    return int(indices[0])


def _batches(
    files: Sequence[Path], schema: pa.Schema, wanted: pa.Schema, rows_max: int
) -> Generator[pa.RecordBatch, None, None]:
    included = [_only(schema, name) for name in wanted.names]
    for file in files:
        with translated():
            data = pa.OSFile(str(file))
        with data:
            with translated():
                messages = _messages(_open(data, file, included))
            while (batch := _next(messages)) is not None:
                yield from cut(standard(batch.select(wanted.names), wanted), rows_max)


def _next(messages: Iterator[pa.RecordBatch]) -> pa.RecordBatch | None:
    with translated():
        return next(messages, None)


def _messages(reader: pa.RecordBatchReader | pa.RecordBatchFileReader) -> Iterator[pa.RecordBatch]:
    if isinstance(reader, pa.RecordBatchFileReader):
        return (reader.get_batch(index) for index in range(reader.num_record_batches))
    return iter(reader)


def _open(data: pa.NativeFile, file: Path, included: list[int] | None) -> pa.RecordBatchReader:
    options = pa.ipc.IpcReadOptions(included_fields=included)
    start = data.read(len(_MAGIC))
    data.seek(0)
    if start == _MAGIC:
        return pa.ipc.open_file(data, options=options)
    _check_whole(data, file)
    return pa.ipc.open_stream(data, options=options)


def _check_whole(data: pa.NativeFile, file: Path) -> None:
    """A stream cut between two messages looks whole to the reader; only its end mark tells."""
    size = data.size()
    data.seek(max(0, size - len(_END_OF_STREAM)), os.SEEK_SET)
    if data.read(len(_END_OF_STREAM)) != _END_OF_STREAM:
        raise SourceFailed("a file is damaged or cut short", detail=f"{file} has no end-of-stream mark")
    data.seek(0)
