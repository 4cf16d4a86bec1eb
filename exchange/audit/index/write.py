"""Writing one shard: beside its place first, then renamed, so that it is there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path

import duckdb
import pyarrow as pa

from exchange.audit.index.engine import MEMORY_BUILD, engine, literal, pattern_of
from exchange.audit.index.lines import Body, Run, bodies
from exchange.audit.index.rows import SOURCE, rows_of_lines
from exchange.audit.index.shards import Shard

Seen = Callable[[int, Sequence[bytes]], None]
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
    lines: list[bytes] = []
    offsets: list[int] = []
    place, size = into.first, 0
    for body in _bodies(into, runs):
        skipped = max(0, into.first - body.first)
        wanted = body.lines[skipped : into.end - body.first]
        starts = accumulate((len(line) + 1 for line in body.lines), initial=body.offset)
        offsets.extend(list(starts)[skipped : skipped + len(wanted)])
        lines.extend(wanted)
        size += sum(map(len, wanted))
        if size >= _CHUNK_BYTES:
            seen(place, lines)
            yield _batch(place, offsets, lines)
            place, size = place + len(lines), 0
            lines, offsets = [], []
    seen(place, lines)
    yield _batch(place, offsets, lines)


def _bodies(into: Shard, runs: Sequence[Run]) -> Iterator[Body]:
    for run in runs:
        if run.end <= into.first or run.first >= into.end:
            continue
        for body in bodies(run, max(run.first, into.first)):
            if body.first >= into.end:
                break
            yield body


def _batch(place: int, offsets: list[int], lines: list[bytes]) -> pa.RecordBatch:
    try:
        text = pa.array(lines, pa.string())
    except (pa.ArrowException, UnicodeDecodeError):
        text = pa.array([line.decode(errors="replace") for line in lines], pa.string())
    places = pa.array(range(place, place + len(lines)), pa.int64())
    return pa.record_batch([places, pa.array(offsets, pa.int64()), text], schema=_LINES)
