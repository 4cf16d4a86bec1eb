"""Where in a segment a record lies: found by bisecting the file's bytes, so that nothing is kept in memory.

A line that begins with `#` is always framing, so the next batch behind any byte is found by looking for
`#batch` at the beginning of a line; its header tells its first record.
"""

from __future__ import annotations

import os
from pathlib import Path

from exchange.audit.storage.layout import Layout, first_index
from exchange.audit.storage.segment import BATCH_BYTES_MAX, header_first
from exchange.errors import LogCorrupt, RecordGone

_MARK = b"\n#batch "
_HEADER_BYTES_MAX = 128
_CHUNK = 1 << 16
_NEAR = 1 << 12


def first_here(layout: Layout) -> int:
    """Index of the first record whose content is here."""
    return min((first_index(path) for path in layout.segments()), default=0)


def segment_of(layout: Layout, index: int) -> int:
    """First index of the segment that holds the record, or would.

    Raises:
        RecordGone: retention removed it.
    """
    firsts = [first_index(path) for path in layout.segments()]
    if not firsts or index < firsts[0]:
        here = f"; the first that is here is {firsts[0]}" if firsts else ""
        raise RecordGone(
            f"record {index} was removed when its time to be kept was over{here}",
            hint="its place is still provable; an archive may hold its content",
        )
    return max(first for first in firsts if first <= index)


def kept_line(layout: Layout, index: int) -> bytes | None:
    """The record, if retention kept it of a segment that it removed; None otherwise."""
    mark = b'"index":%d,' % index
    files = [path for path in layout.all_kept() if first_index(path) <= index]
    for path in files[-1:]:
        with path.open("rb") as file:
            for line in file:
                # the key cannot stand inside a text, where quotes are escaped
                if mark in line:
                    return line.removesuffix(b"\n")
    return None


def locate(path: Path, index: int, end: int | None = None) -> int:
    """Offset of the last batch in a segment that begins at or before the record; O(log n) reads.

    Args:
        path: the segment.
        index: of a record at or behind the segment's first.
        end: the file is read up to here, which is the end of a batch; None for the file's end.

    Raises:
        LogCorrupt: what should be framing is not.
        OSError: the file cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return locate_in(descriptor, index, os.fstat(descriptor).st_size if end is None else end)
    finally:
        os.close(descriptor)


def locate_in(descriptor: int, index: int, end: int) -> int:
    """The same in an open segment, which is read up to `end`."""
    # Invariant: the batch at `low` begins at or before the record; those at or behind `high` behind it.
    low, high = 0, end
    while high - low > _NEAR:
        middle = (low + high) // 2
        found = _next_batch(descriptor, middle, high)
        if found is None or _first(descriptor, found) > index:
            high = middle + 1
        else:
            low = found
    while (found := _next_batch(descriptor, low, high)) is not None:
        if _first(descriptor, found) > index:
            break
        low = found
    return low


def _next_batch(descriptor: int, start: int, end: int) -> int | None:
    """Offset of the first batch whose mark begins at or behind `start` and that begins before `end`."""
    at = start
    while at < end:
        chunk = os.pread(descriptor, min(_CHUNK, end - at + len(_MARK)), at)
        found = chunk.find(_MARK)
        if found >= 0:
            return at + found + 1 if at + found + 1 < end else None
        if at - start > 2 * BATCH_BYTES_MAX or len(chunk) <= len(_MARK):
            return None
        at += len(chunk) - len(_MARK) + 1
    return None


def _first(descriptor: int, offset: int) -> int:
    first = header_first(os.pread(descriptor, _HEADER_BYTES_MAX, offset))
    if first is None:
        raise LogCorrupt("a batch header cannot be read", hint="`exchange audit verify` says more")
    return first
