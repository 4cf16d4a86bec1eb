"""The files of a log as its one writer sees them: a batch is on disk whole, or it is as if it never was."""

from __future__ import annotations

import errno
from collections.abc import Callable

from exchange.audit.proofs.leaves import restore_leaves
from exchange.audit.proofs.merkle import HASH_BYTES
from exchange.audit.storage.disk import Disk, write_all
from exchange.audit.storage.layout import Layout
from exchange.audit.storage.recovery import BatchIndex, Recovered
from exchange.audit.storage.segment import encode_batch, encode_commit
from exchange.errors import AuditUnavailable

SEGMENT_BYTES_MAX = 256 << 20
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class DiskFull(AuditUnavailable):
    """There is no space; nothing of the batch was kept, and the next one may fit again (F3)."""


class Store:
    """Appends batches. Used by one thread; after an OSError it must not be used again (F2)."""

    def __init__(self, layout: Layout, disk: Disk, state: Recovered, segment_bytes_max: int) -> None:
        """Open the files where recovery left off, and cut off the unfinished batch it found.

        Raises:
            OSError: the disk refused.
        """
        self._layout, self._disk, self._segment_bytes_max = layout, disk, segment_bytes_max
        self._segment, self.offset = state.segment, state.offset
        self._size = state.frontier.size
        self._index: BatchIndex = state.batches
        path = layout.segment(self._segment)
        self._descriptor = disk.open(path)
        if state.cut_bytes:
            disk.truncate(self._descriptor, self.offset)
        disk.sync_folder(path.parent)
        trusted = state.checkpoint.size if state.checkpoint else 0
        self._leaves = restore_leaves(
            disk, layout.leaves, trusted=trusted, tail=state.hashes, segments=layout.segments()
        )
        disk.sync_folder(layout.leaves.parent)
        self._pending = b"" if state.committed else encode_commit(self._size, state.frontier.root())

    def append(self, records: list[bytes], hashes: list[bytes]) -> None:
        """Write a batch and make it durable.

        Raises:
            DiskFull: there is no room; files are as before.
            OSError: the disk failed otherwise; what is on it is unknown.
        """
        if self.offset >= self._segment_bytes_max:
            self._roll()
        first, start = self._size, self.offset + len(self._pending)
        data = self._pending + encode_batch(first, records)
        try:
            write_all(self._disk, self._leaves, b"".join(hashes))
            write_all(self._disk, self._descriptor, data)
        except OSError as error:
            self._undo(error)
        self._disk.sync(self._descriptor)
        self.offset += len(data)
        self._pending = b""
        self._size += len(records)
        self._index.add(first, self._segment, start)

    def commit(self, root: bytes) -> None:
        """Say in the segment that the last batch is durable; made up for later if there is no space.

        Raises:
            OSError: the disk failed otherwise.
        """
        self._pending = encode_commit(self._size, root)
        self._flush_pending()

    def settle(self) -> None:
        """Make commit lines and leaf hashes durable: what a checkpoint is signed over.

        Raises:
            OSError: the disk failed.
        """
        self._flush_pending()
        self._disk.sync(self._descriptor)
        self._disk.sync(self._leaves)

    def guard_space(self, act: Callable[[], None]) -> None:
        """Do something that may find no space.

        Raises:
            DiskFull: there is none; it can be tried again.
            OSError: the disk failed otherwise.
        """
        try:
            act()
        except OSError as error:
            if error.errno not in _FULL:
                raise
            raise _disk_full(error) from None

    @property
    def committed_end(self) -> int:
        """Length of the current segment as readers may read it."""
        return self.offset

    @property
    def segment(self) -> int:
        """First index of the current segment."""
        return self._segment

    def close(self) -> None:
        """Give the descriptors back."""
        self._disk.close(self._descriptor)
        self._disk.close(self._leaves)

    def _flush_pending(self) -> None:
        if not self._pending:
            return
        try:
            write_all(self._disk, self._descriptor, self._pending)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            self._disk.truncate(self._descriptor, self.offset)
            return
        self.offset += len(self._pending)
        self._pending = b""

    def _undo(self, error: OSError) -> None:
        if error.errno not in _FULL:
            raise error
        self._disk.truncate(self._descriptor, self.offset)
        self._disk.truncate(self._leaves, self._size * HASH_BYTES)
        raise _disk_full(error) from None

    def _roll(self) -> None:
        """Seal the segment and begin the next; stays with this one while the disk is full."""
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
        self._descriptor, self._segment, self.offset = descriptor, self._size, 0


def _disk_full(error: OSError) -> DiskFull:
    return DiskFull(
        "nothing can be recorded, so nothing is answered",
        hint="the disk of the audit log is full; it goes on by itself once there is space",
        detail=str(error),
    )
