"""Segments packed with zstd (RFC 8878): any `zstd -d` unpacks them, without the exchange."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from exchange.audit.checking.skim import FileDigest

SUFFIX = ".zst"
_CHUNK = 4 << 20


def pack(pieces: Iterable[bytes], target: Path) -> FileDigest:
    """Pack the pieces into a file that is there whole and durable, or not at all; what went in.

    Raises:
        OSError: it cannot be written.
    """
    import pyarrow as pa  # noqa: PLC0415 - heavy, and verification does without

    beside, digest, length = target.with_name(target.name + ".new"), hashlib.sha256(), 0
    with pa.CompressedOutputStream(str(beside), "zstd") as out:
        for piece in pieces:
            digest.update(piece)
            length += len(piece)
            out.write(piece)
    settle(beside)
    beside.replace(target)
    return length, digest.hexdigest()


def unpacked(path: Path) -> Iterator[bytes]:
    """What a packed file holds, in pieces.

    Raises:
        OSError: it cannot be read, or is damaged.
    """
    import pyarrow as pa  # noqa: PLC0415 - heavy, and verification does without

    with pa.CompressedInputStream(pa.OSFile(str(path)), "zstd") as stream:
        while piece := stream.read(_CHUNK):
            yield piece


def digest_inside(path: Path, bytes_max: int) -> FileDigest | None:
    """Length and SHA-256 (hex) of what a packed file holds; None if it is missing, damaged, or longer."""
    digest, length = hashlib.sha256(), 0
    try:
        for piece in unpacked(path):
            digest.update(piece)
            length += len(piece)
            if length > bytes_max:
                return None
    except OSError:
        return None
    return length, digest.hexdigest()


def pieces_of(path: Path, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """A file's bytes [start, end), in pieces."""
    with path.open("rb", buffering=0) as file:
        file.seek(start)
        while True:
            room = _CHUNK if end is None else min(_CHUNK, end - file.tell())
            piece = file.read(room) if room > 0 else b""
            if not piece:
                return
            yield piece


def settle(path: Path) -> None:
    """Make a file, or the names in a folder, durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
