"""Writing one shard: beside its place first, then renamed, so that it is there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from exchange.audit.index.engine import MEMORY_BUILD, engine, literal, pattern_of
from exchange.audit.index.lines import Body, Run, bodies
from exchange.audit.index.rows import SOURCE, rows_of_lines
from exchange.audit.index.shards import Shard

Seen = Callable[[int, pa.Array], None]
"""Called with the place of the first line and the lines, before they are indexed."""

_CHUNK_BYTES = 4 << 20
_LINES = pa.schema([("place", pa.int64()), ("offset", pa.int64()), ("line", pa.string())])
_FORMAT = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 122880"


def write_lines(into: Shard, runs: Sequence[Run], metadata: Mapping[str, str], seen: Seen) -> None:
    """Make a shard from the lines of the log.

    Raises:
        LogCorrupt: the log's framing is damaged there, or `seen` says so.
        OSError: a file cannot be read or written.
    """
    failed: list[BaseException] = []
    reader = pa.RecordBatchReader.from_batches(_LINES, _kept(_batches(into, runs, seen), failed))
    with engine(into.path.parent, memory=MEMORY_BUILD, threads=1) as connection:
        connection.register(SOURCE, reader)
        try:
            _copy(connection, rows_of_lines(), into, metadata)
        except duckdb.Error:
            if failed:
                raise failed[0] from None
            raise


def merge(into: Shard, parts: Sequence[Shard], metadata: Mapping[str, str]) -> None:
    """Make one shard of neighbours."""
    with engine(into.path.parent, memory=MEMORY_BUILD, threads=1) as connection:
        paths = ", ".join(literal(pattern_of(part.path)) for part in parts)
        _copy(connection, f"SELECT * FROM read_parquet([{paths}])", into, metadata)  # noqa: S608 - quoted


def _copy(
    connection: duckdb.DuckDBPyConnection, select: str, into: Shard, metadata: Mapping[str, str]
) -> None:
    beside = into.path.with_suffix(".new").resolve()
    told = ", ".join(f"{key}: {literal(value)}" for key, value in metadata.items())
    connection.execute(f"COPY ({select}) TO {literal(str(beside))} ({_FORMAT}, KV_METADATA {{{told}}})")
    descriptor = os.open(beside, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    Path(beside).replace(into.path)


def _kept(batches: Iterator[pa.RecordBatch], failed: list[BaseException]) -> Iterator[pa.RecordBatch]:
    """The batches; what stops them is kept, because the engine only passes on its text."""
    try:
        yield from batches
    except Exception as error:
        failed.append(error)
        raise


def _batches(into: Shard, runs: Sequence[Run], seen: Seen) -> Iterator[pa.RecordBatch]:
    waiting: list[Body] = []
    size = 0
    for body in _bodies(into, runs):
        waiting.append(body)
        size += len(body.data)
        if size >= _CHUNK_BYTES:
            yield _batch(into, waiting, seen)
            waiting, size = [], 0
    if waiting:
        yield _batch(into, waiting, seen)


def _bodies(into: Shard, runs: Sequence[Run]) -> Iterator[Body]:
    for run in runs:
        if run.end <= into.first or run.first >= into.end:
            continue
        for body in bodies(run, max(run.first, into.first)):
            if body.first >= into.end:
                break
            yield body


def _batch(into: Shard, waiting: Sequence[Body], seen: Seen) -> pa.RecordBatch:
    """The lines of neighbouring batches that belong into the shard; no Python runs for a single one."""
    first, lines = waiting[0].first, _split(b"".join(body.data for body in waiting))
    ahead: list[int] = []  # how much further a line stands in the segment than in these bytes
    start = 0
    for body in waiting:
        ahead += [body.offset - start] * body.count
        start += len(body.data)
    ends = pc.cumulative_sum(pc.add(pc.cast(pc.binary_length(lines), pa.int64()), 1))
    starts = pc.subtract(ends, pc.add(pc.cast(pc.binary_length(lines), pa.int64()), 1))
    offsets = pc.add(starts, pa.array(ahead, pa.int64()))
    places = pa.array(range(first, first + len(lines)), pa.int64())
    batch = pa.record_batch([places, offsets, _text(lines)], schema=_LINES)
    skipped = max(0, into.first - first)
    batch = batch.slice(skipped, min(into.end, first + len(lines)) - first - skipped)
    seen(first + skipped, lines.slice(skipped, batch.num_rows))
    return batch


def _split(data: bytes) -> pa.Array:
    """The lines as an array of bytes; there is a newline behind each."""
    return pc.split_pattern(pa.array([data], pa.large_binary()), b"\n").flatten()[:-1]


def _text(lines: pa.Array) -> pa.Array:
    try:
        return lines.cast(pa.string())
    except pa.ArrowException:  # bytes that are not UTF-8: no record, and a row of nulls
        return pa.array([line.decode(errors="replace") for line in lines.to_pylist()], pa.string())
