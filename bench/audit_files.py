"""A log's files written straight to disk, without durability or group commit: for benchmarks that read logs.

What stands in them is what the log itself would have written: framing, commit lines, seals, the hashes of
every level of the tree, and a signed checkpoint.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exchange.audit.proofs.checkpoint import Checkpoint, sign_checkpoint
from exchange.audit.proofs.merkle import EMPTY_ROOT, Frontier
from exchange.audit.storage.layout import Layout
from exchange.audit.storage.seal import Seal, sign_seal

TILE = 256
BATCH_RECORDS = 4 * TILE
SEGMENT_BYTES = 256 << 20


def write_log(
    folder: Path, records: Iterator[bytes], *, origin: str, key: Ed25519PrivateKey, sealed: bool = True
) -> int:
    """Write a whole log into a new folder; how many records it has.

    Args:
        folder: must not exist.
        records: canonical lines without newlines, whose `index` and `time` fit their places.
        origin: of the log.
        key: that signs it.
        sealed: whether closed segments get their seals.
    """
    layout = Layout(folder)
    layout.segments_folder.mkdir(parents=True)
    layout.leaves.parent.mkdir()
    tree, size = _Tree(layout), 0
    segment: _Segment | None = None
    while lines := list(_up_to(records, BATCH_RECORDS)):
        if segment is None or segment.length >= SEGMENT_BYTES:
            if segment is not None:
                segment.close(origin, key, tree, sealed=sealed)
            segment = _Segment(layout, size)
        tree.add(lines)
        size += len(lines)
        segment.add(size - len(lines), lines, tree.root())
    tree.close()
    if segment is not None:
        segment.file.close()
    checkpoint = Checkpoint(origin=origin, size=size, root=tree.root())
    layout.checkpoint.write_bytes(sign_checkpoint(checkpoint, key))
    return size


def _up_to(records: Iterator[bytes], count: int) -> Iterator[bytes]:
    for _, record in zip(range(count), records, strict=False):
        yield record


class _Segment:
    """One segment file, and what its seal will say."""

    def __init__(self, layout: Layout, first: int) -> None:
        self._layout, self._first = layout, first
        self.file = layout.segment(first).open("xb")
        self._digest = hashlib.sha256()
        self.length = 0

    def add(self, first: int, lines: list[bytes], root: bytes) -> None:
        body = b"\n".join(lines) + b"\n"
        digest = hashlib.sha256(body).hexdigest()
        head = f"#batch {first} {len(lines)} {len(body)} {digest}\n".encode()
        data = head + body + f"#commit {first + len(lines)} {root.hex()}\n".encode()
        self.file.write(data)
        self._digest.update(data)
        self.length += len(data)

    def close(self, origin: str, key: Ed25519PrivateKey, tree: _Tree, *, sealed: bool) -> None:
        self.file.close()
        if sealed:
            seal = Seal(
                origin=origin,
                first=self._first,
                size=tree.size,
                length=self.length,
                digest=self._digest.hexdigest(),
                root=tree.root(),
            )
            self._layout.seal(self._first).write_bytes(sign_seal(seal, key))


class _Tree:
    """The tree's files, all levels; every batch but the last one fills whole tiles."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._levels: list[tuple[BinaryIO, list[bytes]]] = []
        self._tiles = Frontier()  # its leaves are the roots of whole tiles of level 0
        self._rest: list[bytes] = []
        self.size = 0

    def add(self, lines: list[bytes]) -> None:
        sha256 = hashlib.sha256
        leaves = [sha256(b"\x00" + line).digest() for line in lines]
        self.size += len(leaves)
        for at in range(0, len(leaves), TILE):
            tile = leaves[at : at + TILE]
            self._level(0).write(b"".join(tile))
            if len(tile) < TILE:
                self._rest = tile
            else:
                root = _perfect_root(tile)
                self._tiles.append(root)
                self._up(1, root)

    def root(self) -> bytes:
        if not self._rest:
            return self._tiles.root() if self.size else EMPTY_ROOT
        rest = Frontier()
        rest.extend(self._rest)
        if not self._tiles.size:
            return rest.root()
        whole, partial = self._tiles.to_bytes()[8:], rest.to_bytes()[8:]
        peaks = [(whole + partial)[at : at + 32] for at in range(0, len(whole + partial), 32)]
        return Frontier(self.size, peaks).root()

    def close(self) -> None:
        for file, _ in self._levels:
            file.close()

    def _up(self, level: int, root: bytes) -> None:
        self._level(level).write(root)
        pending = self._levels[level][1]
        pending.append(root)
        if len(pending) == TILE:
            above = _perfect_root(pending)
            pending.clear()
            self._up(level + 1, above)

    def _level(self, number: int) -> BinaryIO:
        while len(self._levels) <= number:
            file = (self._layout.leaves.parent / str(len(self._levels))).open("xb", buffering=1 << 20)
            self._levels.append((file, []))
        return self._levels[number][0]


def _perfect_root(hashes: list[bytes]) -> bytes:
    sha256 = hashlib.sha256
    while len(hashes) > 1:
        pairs = zip(hashes[::2], hashes[1::2], strict=True)
        hashes = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
    return hashes[0]
