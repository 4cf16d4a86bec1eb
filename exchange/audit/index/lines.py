"""Finding records in a segment file without reading it: a few reads by bisection, however long the file is.

A record's line begins with `{`, so a line that begins with `#` is framing wherever one looks into the file.
What is found here is read, not judged: whoever needs a record to be the true one holds its hash against the
tree.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from exchange.audit.storage.layout import Layout, first_index
from exchange.audit.storage.places import locate_in
from exchange.audit.storage.segment import BATCH_BYTES_MAX, BATCH_RECORDS_MAX
from exchange.errors import LogCorrupt

_BLOCK = 1 << 16
_FRAMING_BYTES_MAX = 128
_HEADER = re.compile(rb"#batch ([0-9]{1,16}) ([0-9]{1,9}) ([0-9]{1,9}) [0-9a-f]{64}\n")
_COMMIT = re.compile(rb"\n#commit ([0-9]{1,16}) [0-9a-f]{64}\n")


@dataclass(frozen=True)
class Run:
    """Records that stand in one segment: [first, end), all of them committed."""

    path: Path
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Body:
    """The lines of one batch.

    Attributes:
        first: index of the first; count: how many.
        offset: of its first byte in the segment.
        data: the lines, a newline behind each.
    """

    first: int
    count: int
    offset: int
    data: bytes

    @property
    def lines(self) -> list[bytes]:
        """Without newlines."""
        return self.data.split(b"\n")[:-1]


def runs(layout: Layout) -> list[Run]:
    """What there is to read, segment by segment, up to each one's last commit line.

    Raises:
        OSError: a segment cannot be read.
    """
    found: list[Run] = []
    for path in layout.segments():
        first, end = first_index(path), committed_end(path)
        if end > first:
            found.append(Run(path, first, end))
    return found


def committed_end(segment: Path) -> int:
    """Size of the tree that the segment's last commit line states; 0 if it has none."""
    with segment.open("rb") as file:
        start = file.seek(0, os.SEEK_END)
        while start > 0:
            stop, start = start, max(0, start - _BLOCK)
            block = os.pread(file.fileno(), stop - start + _FRAMING_BYTES_MAX, start)
            last = max(_COMMIT.finditer(block), key=re.Match.start, default=None)
            if last is not None:
                return int(last[1])
    return 0


def bodies(run: Run, start: int) -> Iterator[Body]:
    """The batches of a run from the one on that holds the record `start`.

    Raises:
        LogCorrupt: the framing is damaged.
        OSError: the segment cannot be read.
    """
    with run.path.open("rb", buffering=1 << 20) as file:
        at, place = _find(file, start)
        file.seek(at)
        while place < run.end:
            header = file.readline(_FRAMING_BYTES_MAX)
            first, count, size = _parsed(header, place)
            data = file.read(size)
            commit = file.readline(_FRAMING_BYTES_MAX)
            if not data.endswith(b"\n") or data.count(b"\n") != count or first != place:
                raise _damaged(place)
            yield Body(first, count, at + len(header), data)
            at, place = at + len(header) + size + len(commit), place + count
            if not commit.startswith(b"#commit"):  # recovery writes a missing one before the next batch
                raise _damaged(place)


def line_at(segments: Sequence[Path], index: int) -> bytes | None:
    """The line in a record's place; None if it is not here, or not committed.

    Raises:
        LogCorrupt: the framing is damaged there.
        OSError: the segment cannot be read.
    """
    path = segment_with(segments, index)
    if path is None:
        return None
    run = Run(path, first_index(path), committed_end(path))
    if index >= run.end:
        return None
    body = next(bodies(run, index))
    return body.lines[index - body.first]


def segment_with(segments: Sequence[Path], index: int) -> Path | None:
    """The segment in which the record stands if it is here."""
    found = None
    for path in segments:
        if first_index(path) <= index:
            found = path
    return found


def _find(file: BinaryIO, index: int) -> tuple[int, int]:
    """Offset of the batch that holds the record, and the index it begins with."""
    descriptor = file.fileno()
    offset = locate_in(descriptor, index, os.fstat(descriptor).st_size)
    first, count = _header_at(descriptor, offset, index)
    if not first <= index < first + count:
        raise _damaged(index)
    return offset, first


def _header_at(descriptor: int, offset: int, index: int) -> tuple[int, int]:
    """First index and count."""
    line, newline, _ = os.pread(descriptor, _FRAMING_BYTES_MAX, offset).partition(b"\n")
    return _parsed(line + newline, index)[:2]


def _parsed(header: bytes, index: int) -> tuple[int, int, int]:
    match = _HEADER.fullmatch(header)
    if match is None or int(match[3]) > BATCH_BYTES_MAX or not 0 < int(match[2]) <= BATCH_RECORDS_MAX:
        raise _damaged(index)
    return int(match[1]), int(match[2]), int(match[3])


def _damaged(index: int) -> LogCorrupt:
    return LogCorrupt(
        "the log's framing is damaged here",
        index=index,
        hint="`exchange audit verify` says what was altered",
    )
