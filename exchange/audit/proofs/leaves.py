"""The leaf hashes beside the segments: 32 bytes for each record, so that a damaged record can be named.

They are derived and unsigned, yet prove themselves: when their root is the signed one, every single hash is
authentic, and the first record that does not hash to its own is the one that was altered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from exchange.audit.proofs.merkle import HASH_BYTES, leaf_hash
from exchange.audit.storage.disk import Disk, write_all
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
        with path.open("rb") as file:
            file.seek(start * HASH_BYTES)
            data = file.read(count * HASH_BYTES)
    except OSError:
        return []
    return [data[at : at + HASH_BYTES] for at in range(0, len(data) - HASH_BYTES + 1, HASH_BYTES)]


def stream_leaves(path: Path, count: int) -> Iterator[bytes]:
    """The first `count` hashes, in constant memory; fewer where the file is shorter or missing."""
    step = _CHUNK // HASH_BYTES
    for start in range(0, count, step):
        chunk = read_leaves(path, start, min(step, count - start))
        yield from chunk
        if len(chunk) < step:
            return


def restore_leaves(
    disk: Disk, path: Path, *, trusted: int, tail: Iterable[bytes], segments: Sequence[Path]
) -> int:
    """Make the file hold exactly the hashes of the records there are; its descriptor, open for appending.

    Args:
        disk: to write with.
        path: the file.
        trusted: so many hashes were durable when the last checkpoint was signed.
        tail: the hashes behind those.
        segments: from which all is computed anew if the file is shorter than `trusted`.

    Raises:
        OSError: the disk refused.
    """
    descriptor = disk.open(path)
    if path.stat().st_size >= trusted * HASH_BYTES:
        disk.truncate(descriptor, trusted * HASH_BYTES)
        write_all(disk, descriptor, b"".join(tail))
        return descriptor
    disk.truncate(descriptor, 0)
    for segment in segments:
        for batch in scan(segment):
            write_all(disk, descriptor, b"".join(leaf_hash(record) for record in batch.records))
    return descriptor
