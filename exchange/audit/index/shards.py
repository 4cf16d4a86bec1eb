"""The files of an index: `<first>-<end>.parquet`, each bound to the log whose records it was made from."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from exchange.audit.index.schema import STORED, VERSION
from exchange.audit.proofs.leaves import read_leaves
from exchange.audit.proofs.merkle import HASH_BYTES
from exchange.audit.storage.layout import Layout

SHARD_RECORDS = 1 << 20
"""A shard never crosses a multiple of this."""

_NAME = re.compile(r"([0-9]{20})-([0-9]{20})\.parquet")
_KEY = "exchange_index_"
_LEAVES = f"{_KEY}leaves"


@dataclass(frozen=True, order=True)
class Shard:
    """One file: the records [first, end)."""

    first: int
    end: int
    path: Path

    @property
    def size(self) -> int:
        """Number of records."""
        return self.end - self.first

    @property
    def block(self) -> int:
        """The stretch of the log in which shards are merged."""
        return self.first // SHARD_RECORDS


def shard(index: Path, first: int, end: int) -> Shard:
    """The shard of that range, whether or not it exists."""
    return Shard(first, end, index / f"{first:020d}-{end:020d}.parquet")


def listed(index: Path) -> list[Shard]:
    """Every file with a shard's name, by first record, the widest first."""
    found: list[Shard] = []
    for path in index.glob("*.parquet"):
        match = _NAME.fullmatch(path.name)
        if match and int(match[1]) < int(match[2]) and path.is_file():
            found.append(Shard(int(match[1]), int(match[2]), path))
    return sorted(found, key=lambda one: (one.first, -one.end))


def disjoint(found: list[Shard]) -> list[Shard]:
    """Of shards as `listed` gives them those that count: what a merge replaced lies inside a wider one."""
    kept: list[Shard] = []
    for one in found:
        if not kept or one.first >= kept[-1].end:
            kept.append(one)
    return kept


def binding(layout: Layout, first: int, end: int, *, hashed: bool) -> dict[str, str]:
    """What a shard's metadata must say: version, the log's origin, its leaf hashes in that range.

    Args:
        layout: of the log.
        first: of the range.
        end: behind the range.
        hashed: whether each line was held against its leaf hash before it was indexed.
    """
    ends = _binding_ends(layout, first, end)
    return {**ends, **({_LEAVES: leaves_digest(layout, first, end)} if hashed else {})}


def is_bound(one: Shard, layout: Layout, *, hashed: bool) -> bool:
    """Whether the file is whole in form and was made from this log's records.

    Args:
        one: the shard.
        layout: of the log.
        hashed: ask for one whose every line was held against its leaf hash, and that those are the same now.
    """
    try:
        metadata = pq.read_metadata(one.path)
    except (OSError, pa.ArrowException):
        return False
    stated = {key.decode(errors="replace"): value.decode(errors="replace") for key, value in _pairs(metadata)}
    wanted = binding(layout, one.first, one.end, hashed=hashed)
    return (
        metadata.num_rows == one.size
        and metadata.schema.to_arrow_schema().names == list(STORED)
        and all(stated.get(key) == value for key, value in wanted.items())
    )


def leaves_digest(layout: Layout, first: int, end: int) -> str:
    """SHA-256 (hex) over the leaf hashes of the range, as tree/0 holds them."""
    digest = hashlib.sha256()
    for chunk in _leaf_chunks(layout.leaves, first, end):
        digest.update(chunk)
    return digest.hexdigest()


def leaves_kept(layout: Layout) -> int:
    """So many leaf hashes tree/0 holds."""
    try:
        return layout.leaves.stat().st_size // HASH_BYTES
    except OSError:
        return 0


def _binding_ends(layout: Layout, first: int, end: int) -> dict[str, str]:
    ends = [read_leaves(layout.leaves, at, 1) for at in (first, end - 1)]
    return {
        f"{_KEY}version": str(VERSION),
        f"{_KEY}origin": _origin(layout),
        f"{_KEY}first": "".join(leaf.hex() for leaf in ends[0]),
        f"{_KEY}last": "".join(leaf.hex() for leaf in ends[1]),
    }


def _origin(layout: Layout) -> str:
    """What the checkpoint calls the log, unproven: it only tells indexes of different logs apart."""
    try:
        return layout.checkpoint.read_bytes()[:1024].partition(b"\n")[0].hex()
    except OSError:
        return ""


def _pairs(metadata: pq.FileMetaData) -> list[tuple[bytes, bytes]]:
    return list((metadata.metadata or {}).items())


def _leaf_chunks(path: Path, first: int, end: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(first * HASH_BYTES)
        left = (end - first) * HASH_BYTES
        while left > 0 and (chunk := file.read(min(left, 1 << 20))):
            left -= len(chunk)
            yield chunk
