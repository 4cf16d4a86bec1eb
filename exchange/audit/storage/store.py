"""The segments of a log as its one writer sees them: a batch is on disk whole, or as if it never was."""

from __future__ import annotations

import errno
import hashlib

from exchange.audit.storage.disk import Disk, write_all
from exchange.audit.storage.layout import Layout
from exchange.audit.storage.recovery import Recovered
from exchange.audit.storage.seal import Seal
from exchange.audit.storage.segment import encode_batch, encode_commit
from exchange.errors import AuditUnavailable

SEGMENT_BYTES_MAX = 256 << 20
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class DiskFull(AuditUnavailable):
    """There is no space; nothing of the batch was kept, and the next one may fit again (F3)."""


class Store:
    """Appends batches. Used by one thread; after an OSError it must not be used again (F2)."""

    def __init__(
        self, layout: Layout, disk: Disk, state: Recovered, *, origin: str, segment_bytes_max: int
    ) -> None:
        """Open the segment where recovery left off, and cut off the unfinished batch it found.

        Raises:
            OSError: the disk refused.
        """
        self._layout, self._disk, self._origin = layout, disk, origin
        self._segment_bytes_max = segment_bytes_max
        self._closed = list(state.closed)
        self._segment, self.offset = state.segment, state.offset
        self._size, self._root = state.frontier.size, state.frontier.root()
        path = layout.segment(self._segment)
        self._descriptor = disk.open(path)
        if state.cut_bytes:
            self._cut()
        disk.sync_folder(path.parent)
        with path.open("rb") as file:
            self._digest = hashlib.file_digest(file, "sha256")
        self._pending = b"" if state.committed else encode_commit(self._size, self._root)

    def append(self, records: list[bytes]) -> None:
        """Write a batch and make it durable.

        Raises:
            DiskFull: there is no room; files are as before.
            OSError: the disk failed otherwise; what is on it is unknown.
        """
        if self.offset >= self._segment_bytes_max:
            self._roll()
        data = self._pending + encode_batch(self._size, records)
        try:
            write_all(self._disk, self._descriptor, data)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            self._cut()
            raise disk_full(error) from None
        self._disk.sync(self._descriptor)
        self._size += len(records)
        self._pending = b""
        self._advance(data)

    def commit(self, root: bytes) -> None:
        """Say in the segment that the last batch is durable; made up for later if there is no space.

        Raises:
            OSError: the disk failed otherwise.
        """
        self._root = root
        self._pending = encode_commit(self._size, root)
        self._flush_pending()

    def settle(self) -> None:
        """Make the last commit line durable too.

        Raises:
            OSError: the disk failed.
        """
        self._flush_pending()
        self._disk.sync(self._descriptor)

    def take_closed(self) -> list[Seal]:
        """What is to be sealed of the segments closed since last asked; durable, and not yet signed."""
        closed, self._closed = self._closed, []
        return closed

    @property
    def segment(self) -> int:
        """First index of the current segment."""
        return self._segment

    def close(self) -> None:
        """Give the descriptor back."""
        self._disk.close(self._descriptor)

    def _flush_pending(self) -> None:
        if not self._pending:
            return
        try:
            write_all(self._disk, self._descriptor, self._pending)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            self._cut()
            return
        data, self._pending = self._pending, b""
        self._advance(data)

    def _cut(self) -> None:
        """Take back what was never told, durably: none of it may ever stand behind a new batch."""
        self._disk.truncate(self._descriptor, self.offset)
        self._disk.sync(self._descriptor)

    def _advance(self, data: bytes) -> None:
        self.offset += len(data)
        self._digest.update(data)

    def _roll(self) -> None:
        """Close the segment and begin the next; stays with this one while the disk is full.

        The next one's name is durable before anybody calls this one closed: of a segment without a successor
        and without a seal nothing was promised.
        """
        self._flush_pending()
        if self._pending:
            return
        self._disk.sync(self._descriptor)
        path = self._layout.segment(self._size)
        try:
            descriptor = self._disk.open(path)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            return
        self._disk.sync_folder(path.parent)
        self._disk.close(self._descriptor)
        closed = Seal(
            origin=self._origin,
            first=self._segment,
            size=self._size,
            length=self.offset,
            digest=self._digest.hexdigest(),
            root=self._root,
        )
        self._closed.append(closed)
        self._descriptor, self._segment, self.offset = descriptor, self._size, 0
        self._digest = hashlib.sha256()


def disk_full(error: OSError) -> DiskFull:
    """The error for people when there is no space."""
    return DiskFull(
        "nothing can be recorded, so nothing is answered",
        hint="the disk of the audit log is full; it goes on by itself once there is space",
        detail=str(error),
    )


def is_full(error: OSError) -> bool:
    """Whether the disk only lacks space: that can pass."""
    return error.errno in _FULL
