"""Segment files: batches of records as text lines, framed so that a crash and a forgery tell apart.

    #batch <first index> <records> <body bytes> <SHA-256 of the body>
    {...}                                  one canonical record a line
    #commit <size of the tree> <root>      written once the batch was durable, before anyone was told

Canonical JSON objects begin with `{` and hold no raw newline: a line that begins with `#` is always framing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from exchange.audit.records.record import RECORD_BYTES_MAX

BATCH_BYTES_MAX = 16 << 20
BATCH_RECORDS_MAX = 1 << 16
"""More than any the log writes: else a batch of empty lines would take a reader's memory."""
_LINE_BYTES_MAX = RECORD_BYTES_MAX + 2
_FRAMING_BYTES_MAX = 256
_HEADER = re.compile(rb"#batch (0|[1-9][0-9]{0,15}) ([1-9][0-9]{0,8}) ([1-9][0-9]{0,8}) ([0-9a-f]{64})\n")
_COMMIT = re.compile(rb"#commit (0|[1-9][0-9]{0,15}) ([0-9a-f]{64})\n")


@dataclass(slots=True)
class Batch:
    """One batch as it was found.

    Attributes:
        offset: of its header in the file; end: just behind its last byte, commit line included.
        body_end: behind its last record.
        first: index its header promises; -1 if the header cannot be read.
        records: the lines, without newlines.
        commit: size and root of the tree that the commit line states; None if there is none.
        problem: what is wrong with the batch itself; "" when header and body agree.
        followed: whether anything comes behind a problem that a crash cannot have left there: a commit line
            is only written once the batch is durable, and with it all that is before.
    """

    offset: int
    end: int = 0
    body_end: int = 0
    first: int = -1
    records: list[bytes] = field(default_factory=list)
    commit: tuple[int, bytes] | None = None
    problem: str = ""
    followed: bool = False


def encode_batch(first: int, records: list[bytes]) -> bytes:
    """Header and body of a batch."""
    body = b"\n".join(records) + b"\n"
    digest = hashlib.sha256(body).hexdigest().encode()
    return b"#batch %d %d %d %s\n%s" % (first, len(records), len(body), digest, body)


def encode_commit(size: int, root: bytes) -> bytes:
    """The line that says that everything up to here was durable."""
    return b"#commit %d %s\n" % (size, root.hex().encode())


def header_first(data: bytes) -> int | None:
    """The index that a batch's header promises for its first record, if the data begins with a header."""
    header = _HEADER.match(data)
    return int(header[1]) if header else None


def scan(path: Path, offset: int = 0, end: int | None = None) -> Iterator[Batch]:
    """The batches of a segment, in order, in memory bounded by one batch.

    Args:
        path: the segment.
        offset: of a batch's header.
        end: the file is read up to here, which is the end of a batch; None reads to the file's end.

    Never raises on content: what is wrong stands in `Batch.problem`. OSError if the file cannot be read.
    """
    with path.open("rb", buffering=1 << 20) as file:
        file.seek(offset)
        lines: _Lines | None = None
        last_commit = -1
        while True:
            # A body that is not as the writer wrote it is read line by line, to say what is wrong with it.
            whole = _whole(file, offset, end) if lines is None else None
            if whole is None:
                if lines is None:
                    last_commit = _last_commit(_Lines(file, offset, end))
                    file.seek(offset)
                    lines = _Lines(file, offset, end)
                if not lines.current:
                    return
                whole = _batch(lines)
                whole.followed |= last_commit >= whole.offset
            offset = whole.end
            yield whole


def _whole(file: BinaryIO, offset: int, end: int | None) -> Batch | None:
    """The batch that begins here, if its body is as promised; otherwise the file stands as before.

    What follows such a body never speaks against it: the commit line is not synced before the next batch is,
    so a crash may leave anything in its place, and behind it.
    """
    header = _HEADER.fullmatch(file.readline(_FRAMING_BYTES_MAX))
    batch = _body_as_promised(file, offset, header) if header else None
    if batch is None or (end is not None and batch.body_end > end):
        file.seek(offset)
        return None
    commit = file.readline(_FRAMING_BYTES_MAX)
    match = _COMMIT.fullmatch(commit)
    if match is not None and (end is None or batch.body_end + len(commit) <= end):
        batch.commit = (int(match[1]), bytes.fromhex(match[2].decode()))
        batch.end += len(commit)
    else:
        file.seek(batch.end)
    return batch


def _body_as_promised(file: BinaryIO, offset: int, header: re.Match[bytes]) -> Batch | None:
    first, count, size = int(header[1]), int(header[2]), int(header[3])
    if size > BATCH_BYTES_MAX or count > BATCH_RECORDS_MAX:
        return None
    body = file.read(size)
    if body.count(b"\n") != count:
        return None
    records = body.split(b"\n")
    if (
        len(records) != count + 1
        or records.pop()
        or len(body) != size
        or body.startswith(b"#")
        or b"\n#" in body
        or len(max(records, key=len)) > _LINE_BYTES_MAX - 1
        or hashlib.sha256(body).hexdigest().encode() != header[4]
    ):
        return None
    body_end = offset + header.end() + size
    return Batch(offset, end=body_end, body_end=body_end, first=first, records=records)


class _Lines:
    """The lines of a file with their offsets, one ahead."""

    __slots__ = ("_end", "_file", "current", "offset")

    def __init__(self, file: BinaryIO, offset: int, end: int | None) -> None:
        self._file = file
        self._end = end
        self.offset = offset
        self.current = b""
        self._read()

    def next(self) -> bytes:
        line = self.current
        self.offset += len(line)
        self._read()
        return line

    def _read(self) -> None:
        done = self._end is not None and self.offset >= self._end
        self.current = b"" if done else self._file.readline(_LINE_BYTES_MAX)


def _last_commit(lines: _Lines) -> int:
    """Where the last commit line begins; -1 if there is none."""
    found = -1
    while lines.current:
        if _COMMIT.fullmatch(lines.current):
            found = lines.offset
        lines.next()
    return found


def _batch(lines: _Lines) -> Batch:
    batch = Batch(lines.offset)
    header = _HEADER.fullmatch(lines.current)
    promised = None
    if header is None:
        batch.problem = "a batch header is missing or cannot be read"
        if lines.current.startswith(b"#"):
            lines.next()
    else:
        lines.next()
        batch.first = int(header[1])
        promised = (int(header[2]), int(header[3]), header[4])
    found = _body(lines, batch)
    batch.body_end = lines.offset
    if not batch.problem and found != promised:
        batch.problem = "the body of a batch does not fit the digest in its header"
    _commit(lines, batch)
    batch.end = lines.offset
    # Behind a body nothing is written before it is durable: more bytes than it was to have are damage.
    batch.followed = promised is not None and found[1] > promised[1]
    return batch


def _body(lines: _Lines, batch: Batch) -> tuple[int, int, bytes]:
    """Read up to the next framing; count, bytes and digest of what was there."""
    count, size, digest = 0, 0, hashlib.sha256()
    while lines.current and not lines.current.startswith(b"#"):
        line = lines.next()
        count, size = count + 1, size + len(line)
        digest.update(line)
        if size <= BATCH_BYTES_MAX and count <= BATCH_RECORDS_MAX:
            batch.records.append(line.removesuffix(b"\n"))
        else:
            batch.problem = "a batch is larger than any the log writes"
        if not line.endswith(b"\n"):
            batch.problem = batch.problem or "a record is cut off or too long"
    return count, size, digest.hexdigest().encode()


def _commit(lines: _Lines, batch: Batch) -> None:
    match = _COMMIT.fullmatch(lines.current)
    if match is not None:
        batch.commit = (int(match[1]), bytes.fromhex(match[2].decode()))
        lines.next()
    # A commit line that was cut off, at the file's very end, is an unfinished write like any other: the next
    # round of `scan` yields it as a batch without records, which recovery cuts off.
