"""The sealed part of a log at its opening: signatures, digests of whole files, and that it is one chain.

Not one record is parsed. What does not hold is not judged here: recovery then reads everything, to name the
record. Retention may have removed the records of the first segments (`keeping/`): a segment with a seal and a
`.kept` beside it and no `.log` was removed on purpose, and only the first ones can be.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from exchange.audit.proofs.note import NOTE_BYTES_MAX, VerifierKey
from exchange.audit.storage.layout import Layout, read_bounded
from exchange.audit.storage.seal import Seal, open_seal
from exchange.errors import LogCorrupt

THREADS = 2


def read_seal(layout: Layout, first: int, key: VerifierKey) -> Seal | None:
    """The seal of the segment that begins there; None if it has none.

    Raises:
        LogCorrupt: it is not this log's, or it speaks of another segment.
    """
    try:
        note = read_bounded(layout.seal(first), NOTE_BYTES_MAX)
    except FileNotFoundError:
        return None
    try:
        seal = open_seal(note, key)
    except LogCorrupt as error:
        raise LogCorrupt(f"the seal of segment {first} does not hold: {error.public}", index=first) from None
    if seal.first != first:
        raise LogCorrupt(f"the seal of segment {first} speaks of segment {seal.first}", index=first)
    return seal


def chain(layout: Layout, key: VerifierKey) -> list[Seal]:
    """The seals from the log's beginning on, each beginning where the one before ends, up to the first gap.

    Raises:
        LogCorrupt: one of them is not this log's.
    """
    seals: list[Seal] = []
    while (seal := read_seal(layout, seals[-1].size if seals else 0, key)) is not None:
        seals.append(seal)
    return seals


def pruned(layout: Layout, seals: Sequence[Seal]) -> list[Seal]:
    """Those at the beginning whose records retention removed."""
    gone: list[Seal] = []
    for seal in seals:
        if layout.segment(seal.first).exists() or not layout.kept(seal.first).exists():
            break
        gone.append(seal)
    return gone


def first_broken(layout: Layout, seals: Sequence[Seal]) -> Seal | None:
    """The first seal whose file is missing or is not, byte for byte, the one that was sealed.

    Raises:
        OSError: a file cannot be read.
    """
    with ThreadPoolExecutor(THREADS, thread_name_prefix="audit-seals") as pool:
        good = pool.map(lambda seal: _holds(layout.segment(seal.first), seal), seals)
        return next((seal for seal, holds in zip(seals, good, strict=True) if not holds), None)


def _holds(path: Path, seal: Seal) -> bool:
    try:
        with path.open("rb") as file:
            if path.stat().st_size != seal.length:
                return False
            return hashlib.file_digest(file, "sha256").hexdigest() == seal.digest
    except FileNotFoundError:
        return False
