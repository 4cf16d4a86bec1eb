"""What makes an answer complete: the leaf hashes an index was held against are those that were signed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from exchange.audit.proofs.checkpoint import Checkpoint
from exchange.audit.proofs.leaves import read_leaves
from exchange.audit.proofs.merkle import EMPTY_ROOT, Frontier
from exchange.audit.storage.layout import Layout
from exchange.errors import LogCorrupt

TILE = 1 << 12
"""Leaves folded at a time; a power of two."""


def hold_leaves(layout: Layout, signed: Checkpoint) -> None:
    """Check that tree/0 holds the leaves of the signed tree; every one of them is then authentic.

    Args:
        layout: of the log.
        signed: a checkpoint whose signature was verified.

    Raises:
        LogCorrupt: it does not.
    """
    if root_of_leaves(layout, signed.size) != signed.root:
        raise LogCorrupt(
            f"the tree over {signed.size} records is not the one that was signed",
            hint="`exchange audit verify` says what was altered",
        )


def root_of_leaves(layout: Layout, size: int) -> bytes | None:
    """The root over the first so many leaf hashes, computed from all of them; None if there are fewer."""
    whole, rest = Frontier(), Frontier()
    for start in range(0, size, TILE):
        leaves = read_leaves(layout.leaves, start, min(TILE, size - start))
        if len(leaves) == TILE:
            whole.append(_perfect_root(leaves))
        elif len(leaves) == size - start:
            rest.extend(leaves)
        else:
            return None
    peaks = whole.to_bytes()[8:] + rest.to_bytes()[8:]
    hashes = [peaks[at : at + 32] for at in range(0, len(peaks), 32)]
    return Frontier(size, hashes).root() if size else EMPTY_ROOT


def _perfect_root(hashes: Sequence[bytes]) -> bytes:
    sha256 = hashlib.sha256
    while len(hashes) > 1:
        pairs = zip(hashes[::2], hashes[1::2], strict=True)
        hashes = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
    return hashes[0]
