"""The files of a log's index, as `docs/audit-record.md` describes them: `index/<first>-<end>.parquet`.

`exchange audit index --follow` writes and merges them while they are read. A shard appears whole, by a
rename, and what a merge replaced is removed only when nobody holds `index/readers`.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq

from connectors.duckdb.failure import translated
from exchange.errors import SourceFailed

_NAME = re.compile(r"([0-9]{20})-([0-9]{20})\.parquet")


@dataclass(frozen=True)
class Shard:
    """One file: the records [first, end), a row each."""

    first: int
    end: int
    path: Path


def shards(index: Path) -> list[Shard]:
    """Those that count, in the log's order; what a merge replaced lies inside a wider one.

    Raises:
        SourceFailed: the folder cannot be read.
    """
    with translated():
        names = [(entry, _NAME.fullmatch(entry.name)) for entry in index.iterdir()]
    found = [Shard(int(name[1]), int(name[2]), path) for path, name in names if name]
    kept: list[Shard] = []
    for one in sorted(found, key=lambda one: (one.first, -one.end)):
        if not kept or one.first >= kept[-1].end:
            kept.append(one)
    return kept


def covers(found: Sequence[Shard], first: int, size: int) -> bool:
    """Whether the shards hold every record from `first` up to a log of that size, without a hole."""
    return (
        bool(found)
        and found[0].first == first
        and all(before.end == after.first for before, after in pairwise(found))
        and found[-1].end >= size
    )


def check_alike(found: Sequence[Shard]) -> None:
    """Every shard has a row for each of its records, and all have the same columns.

    Raises:
        SourceFailed: one does not, so that what is read would be less than it looks, or cannot be read.
    """
    with translated():
        metadata = [pq.read_metadata(one.path) for one in found]
    rows = [one.end - one.first for one in found]
    if [one.num_rows for one in metadata] != rows:
        raise SourceFailed("the log's index is damaged", detail="a shard has not a row for each record")
    if any(not one.schema.equals(metadata[0].schema) for one in metadata):
        raise SourceFailed("the log's index is being built anew", detail="shards have different columns")


@contextmanager
def held(index: Path) -> Iterator[None]:
    """While this lasts, no shard is removed because a merge replaced it."""
    descriptor = _readers(index)
    try:
        if descriptor is not None:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _readers(index: Path) -> int | None:
    """The file that readers share. Without it a shard can vanish under a scan, which then fails."""
    path = index / "readers"
    try:
        if index.stat().st_uid == os.geteuid():
            # Made only for ourselves: a file that the index's owner cannot open would end its merging.
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
