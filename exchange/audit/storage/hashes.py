"""The tree's files as the log's writer keeps them: one file a level, hashes only ever appended.

    tree/0     the leaf hashes
    tree/L     for each 256 complete entries of level L-1, the RFC 6962 root over them (c2sp.org/tlog-tiles)

All of it is derived from the records and written behind them, but before a checkpoint over them is signed: so
the files reach at least as far as the checkpoint. What a crash left in them beyond the last seal is not
believed: it is held against the records and, from the first difference on, written anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from exchange.audit.proofs.leaves import read_leaves
from exchange.audit.proofs.merkle import HASH_BYTES, Frontier
from exchange.audit.proofs.tree import TILE_BITS, TILE_WIDTH, StoredTree
from exchange.audit.storage.disk import Disk, write_all
from exchange.audit.storage.layout import Layout
from exchange.errors import LogCorrupt


def levels_of(size: int) -> int:
    """How many levels a tree of that size has in files; at least one."""
    return max(1, (size.bit_length() + TILE_BITS - 1) // TILE_BITS)


def root_over(hashes: Iterable[bytes]) -> bytes:
    """The root over hashes of one level."""
    frontier = Frontier()
    frontier.extend(hashes)
    return frontier.root()


def frontier_at(layout: Layout, size: int) -> Frontier | None:
    """The frontier of the tree at that size from its files, in O(log n); None where they are too short.

    Nothing is proven by it: hold its root against a signed one.
    """
    peaks: list[bytes] = []
    start = 0
    with StoredTree(layout.folder) as tree, suppress(LogCorrupt):
        for bit in reversed(range(size.bit_length())):
            if size >> bit & 1:
                peaks.append(tree.subtree(start, start + (1 << bit)))
                start += 1 << bit
        return Frontier(size, peaks)
    return None


def root_at(layout: Layout, size: int) -> bytes | None:
    """The root of the tree at that size, as its files have it; None where they are too short."""
    frontier = frontier_at(layout, size)
    return None if frontier is None else frontier.root()


def _count(layout: Layout, level: int) -> int:
    try:
        return layout.level(level).stat().st_size // HASH_BYTES
    except FileNotFoundError:
        return 0


class TreeFiles:
    """Appends to the files of the tree.

    Used by one thread at a time, and after an OSError not at all, but for want of space (F2).
    """

    def __init__(self, layout: Layout, disk: Disk, base: int, tail: Iterable[bytes]) -> None:
        """Make the files hold exactly the hashes of the records there are.

        Args:
            layout: of the log.
            disk: to write with.
            base: so many records' hashes in the files are proven, by a seal.
            tail: the hashes of the records behind those, in pieces of whole hashes.

        Raises:
            OSError: the disk refused.
        """
        self._layout, self._disk = layout, disk
        self._descriptors: list[int] = []
        self._open: list[list[bytes]] = []
        try:
            self.size = self._mend(0, base, tail)
            level = 1
            while level < levels_of(self.size) or layout.level(level).exists():
                first = min(base >> level * TILE_BITS, _count(layout, level))
                self._mend(level, first, self._derived(level, first))
                level += 1
        except OSError:
            self.close()
            raise
        self._open = [self._partial(level) for level in range(len(self._descriptors))]
        disk.sync_folder(layout.tree_folder)

    def append(self, hashes: bytes) -> None:
        """Write leaf hashes, and what they complete above; all of it or, while the disk is full, nothing.

        Raises:
            OSError: the disk refused; if for want of space, the files are as before.
        """
        opened = [list(entries) for entries in self._open]
        pieces = _grow(opened, hashes)
        while len(self._descriptors) < len(opened):
            self._descriptors.append(self._disk.open(self._layout.level(len(self._descriptors))))
            self._disk.sync_folder(self._layout.tree_folder)
        try:
            for descriptor, piece in zip(self._descriptors, pieces, strict=True):
                if piece:
                    write_all(self._disk, descriptor, piece)
        except OSError:
            self._undo()
            raise
        self._open = opened
        self.size += len(hashes) // HASH_BYTES

    def sync(self) -> None:
        """Make all of it durable.

        Raises:
            OSError: the disk failed.
        """
        for descriptor in self._descriptors:
            self._disk.sync(descriptor)

    def close(self) -> None:
        """Give the descriptors back; idempotent."""
        for descriptor in self._descriptors:
            self._disk.close(descriptor)
        self._descriptors = []

    def _undo(self) -> None:
        for level, descriptor in enumerate(self._descriptors):
            with suppress(OSError):
                self._disk.truncate(descriptor, (self.size >> level * TILE_BITS) * HASH_BYTES)

    def _mend(self, level: int, start: int, expected: Iterable[bytes]) -> int:
        """Leave alone what is right, write anew from the first difference on; number of entries then."""
        path = self._layout.level(level)
        descriptor = self._disk.open(path)
        self._descriptors.append(descriptor)
        at, same = start * HASH_BYTES, True
        with path.open("rb") as file:
            for piece in expected:
                file.seek(at)
                if same and file.read(len(piece)) != piece:
                    self._disk.truncate(descriptor, at)
                    same = False
                if not same:
                    write_all(self._disk, descriptor, piece)
                at += len(piece)
        if path.stat().st_size != at:
            self._disk.truncate(descriptor, at)
        return at // HASH_BYTES

    def _derived(self, level: int, first: int) -> Iterator[bytes]:
        below = self._layout.level(level - 1)
        for number in range(first, self.size >> level * TILE_BITS):
            yield root_over(read_leaves(below, number * TILE_WIDTH, TILE_WIDTH))

    def _partial(self, level: int) -> list[bytes]:
        count = self.size >> level * TILE_BITS
        return read_leaves(self._layout.level(level), count - count % TILE_WIDTH, count % TILE_WIDTH)


def _grow(opened: list[list[bytes]], hashes: bytes) -> list[bytes]:
    """What is to be appended to each level; `opened` holds each level's incomplete tile and is carried on."""
    pieces = [hashes]
    new = [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
    level = 0
    while True:
        entries = opened[level]
        entries.extend(new)
        whole = len(entries) - len(entries) % TILE_WIDTH
        new = [root_over(entries[at : at + TILE_WIDTH]) for at in range(0, whole, TILE_WIDTH)]
        del entries[:whole]
        level += 1
        if level == len(opened):
            if not new:
                return pieces
            opened.append([])
        pieces.append(b"".join(new))
