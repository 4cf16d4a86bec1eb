"""The tree of a log as it lies on disk: proofs from a few hundred hashes, whatever the number of records.

Level 0 holds the leaf hashes; each hash of a level above is the root over 256 of the level below
(c2sp.org/tlog-tiles). The levels above are derived: where one is short, the level below serves. Nothing here
is trusted: a proof made from wrong hashes does not lead to the signed root.
"""

from __future__ import annotations

import os
import threading
from hashlib import sha256
from pathlib import Path
from typing import Self

from exchange.audit.proofs.merkle import EMPTY_ROOT, HASH_BYTES, consistency_proof, inclusion_proof, node_hash
from exchange.audit.storage.layout import Layout
from exchange.errors import LogCorrupt

TILE_BITS = 8
TILE_WIDTH = 1 << TILE_BITS


class StoredTree:
    """Reads beside the log's writer, from any number of threads; for sizes that are durable already."""

    def __init__(self, folder: Path) -> None:
        """Nothing is opened before it is needed.

        Args:
            folder: of the log.
        """
        self._layout = Layout(folder)
        self._descriptors: dict[int, int] = {}
        self._lock = threading.Lock()

    def root(self, size: int) -> bytes:
        """The root of the tree when it had that size.

        Raises:
            LogCorrupt: the files hold fewer leaves.
        """
        return self.subtree(0, size) if size else EMPTY_ROOT

    def subtree(self, start: int, end: int) -> bytes:
        """The root over the leaves [start, end): a node of the tree, or its right edge at that size.

        Raises:
            ValueError: such a subtree occurs in no tree: `start` must be a multiple of a power of two that is
                not below `end - start`.
            LogCorrupt: the files hold fewer leaves.
        """
        if not 0 <= start < end or start % (1 << (end - start - 1).bit_length()):
            raise ValueError(f"no tree has the subtree {start} to {end}")
        perfect: list[bytes] = []
        while start < end:
            height = (end - start).bit_length() - 1
            perfect.append(self._perfect(start, height))
            start += 1 << height
        root = perfect.pop()
        while perfect:
            root = node_hash(perfect.pop(), root)
        return root

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """The audit path of a leaf in the tree of that size (RFC 6962 §2.1.1).

        Raises:
            ValueError: the leaf is not in that tree.
            LogCorrupt: the files hold fewer leaves.
        """
        return inclusion_proof(index, size, self.subtree)

    def consistency(self, old: int, new: int) -> list[bytes]:
        """The proof that the tree of size `new` extends that of size `old` (RFC 6962 §2.1.2).

        Raises:
            ValueError: not 0 < old <= new.
            LogCorrupt: the files hold fewer leaves.
        """
        return consistency_proof(old, new, self.subtree)

    def leaf(self, index: int) -> bytes:
        """The hash of one leaf.

        Raises:
            LogCorrupt: the files hold fewer leaves.
        """
        return self._hashes(0, index, 1)

    def close(self) -> None:
        """Give the files back; idempotent. What is read later opens them anew."""
        with self._lock:
            while self._descriptors:
                os.close(self._descriptors.popitem()[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _perfect(self, start: int, height: int) -> bytes:
        """The root over the 2**height leaves from `start` on."""
        level, inner = divmod(height, TILE_BITS)
        return _fold(self._hashes(level, start >> (TILE_BITS * level), 1 << inner))

    def _hashes(self, level: int, first: int, count: int) -> bytes:
        """So many hashes of a level, end to end."""
        found = self._read(level, first * HASH_BYTES, count * HASH_BYTES)
        whole = len(found) // HASH_BYTES
        if whole == count:
            return found
        if level == 0:
            index = first + whole
            raise LogCorrupt(f"the leaf hash of record {index} is not in the tree's files", index=index)
        missing = range(first + whole, first + count)
        made = [_fold(self._hashes(level - 1, place * TILE_WIDTH, TILE_WIDTH)) for place in missing]
        return found[: whole * HASH_BYTES] + b"".join(made)

    def _read(self, level: int, offset: int, count: int) -> bytes:
        """What the level's file holds there; less where it is short, nothing where it is missing."""
        with self._lock:
            descriptor = self._descriptors.get(level)
            if descriptor is None:
                try:
                    descriptor = os.open(
                        self._layout.level(level), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
                    )
                except FileNotFoundError:
                    return b""
                self._descriptors[level] = descriptor
        return os.pread(descriptor, count, offset)


def _fold(hashes: bytes) -> bytes:
    """The root over a power of two of nodes, which stand end to end."""
    while len(hashes) > HASH_BYTES:
        pairs = range(0, len(hashes), 2 * HASH_BYTES)
        hashes = b"".join([sha256(b"\x01" + hashes[at : at + 2 * HASH_BYTES]).digest() for at in pairs])
    return hashes
