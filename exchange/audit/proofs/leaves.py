"""The leaf hashes beside the segments: 32 bytes for each record, so that a damaged record can be named.

They are derived and unsigned, yet prove themselves: when their root is the signed one, every single hash is
authentic, and the first record that does not hash to its own is the one that was altered.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from exchange.audit.proofs.merkle import HASH_BYTES, leaf_hash
from exchange.audit.storage.segment import scan

_CHUNK = 1 << 20


def first_difference(path: Path, start: int, hashes: Sequence[bytes]) -> int | None:
    """Index of the first hash that the file contradicts; None if it contradicts none of them."""
    kept = read_leaves(path, start, len(hashes))
    for number, (mine, theirs) in enumerate(zip(hashes, kept, strict=False)):
        if mine != theirs:
            return start + number
    return None


def read_leaves(path: Path, start: int, count: int) -> list[bytes]:
    """At most `count` hashes from `start` on; fewer where the file is shorter or missing."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # never waits for a pipe
    except OSError:
        return []
    try:
        data = os.pread(descriptor, count * HASH_BYTES, start * HASH_BYTES)
    except OSError:
        return []
    finally:
        os.close(descriptor)
    return [data[at : at + HASH_BYTES] for at in range(0, len(data) - HASH_BYTES + 1, HASH_BYTES)]


def stream_leaves(path: Path, end: int, start: int = 0) -> Iterator[bytes]:
    """The hashes of the leaves [start, end), in constant memory; fewer where the file is shorter."""
    step = _CHUNK // HASH_BYTES
    for at in range(start, end, step):
        chunk = read_leaves(path, at, min(step, end - at))
        yield from chunk
        if len(chunk) < step:
            return


def hashes_of(segments: Iterable[Path]) -> Iterator[bytes]:
    """The leaf hashes of all records in the segments, batch by batch, each batch's in one piece.

    What has a problem is passed over: recovery has judged it, and cuts it off.
    """
    for path in segments:
        for batch in scan(path):
            if not batch.problem:
                yield b"".join(map(leaf_hash, batch.records))
