"""Proofs that were checked before they are handed out: the tree's files are derived, and disks forget.

Whoever is given a proof that does not lead to the signed root must believe that history was rewritten. A bit
that fell over in the tree's files is no reason to say so: then nothing is said but that.
"""

from __future__ import annotations

from exchange.audit.proofs.checkpoint import Checkpoint
from exchange.audit.proofs.merkle import verify_consistency, verify_inclusion
from exchange.audit.proofs.tree import StoredTree
from exchange.errors import LogCorrupt

DAMAGED = "tree-damaged"
_HINT = (
    "`exchange audit verify` says whether it is the tree or a record; if it is the tree, stop the broker, "
    "move the log's folder `tree` away and start again: it is made anew from the records"
)


def proven_inclusion(tree: StoredTree, leaf: bytes, index: int, signed: Checkpoint) -> list[bytes]:
    """The audit path of a leaf in the tree that was signed.

    Raises:
        LogCorrupt: `tree-damaged`, what the files hold does not lead from that leaf to the signed root.
        ValueError: the leaf is not in that tree.
    """
    path = tree.inclusion(index, signed.size)
    if not verify_inclusion(leaf, index, signed.size, path, signed.root):
        raise LogCorrupt(
            f"the log's tree does not prove record {index}", index=index, hint=_HINT, reason=DAMAGED
        )
    return path


def proven_consistency(tree: StoredTree, old: Checkpoint, new: Checkpoint) -> list[bytes]:
    """The proof that one tree extends the other; empty where there is nothing to prove.

    Raises:
        LogCorrupt: `tree-damaged`, what the files hold does not lead from the one root to the other.
    """
    path = tree.consistency(old.size, new.size) if 0 < old.size < new.size else []
    if not verify_consistency(old.size, new.size, old.root, new.root, path):
        raise LogCorrupt(
            f"the log's tree does not prove that {new.size} records extend {old.size}",
            hint=_HINT,
            reason=DAMAGED,
        )
    return path
