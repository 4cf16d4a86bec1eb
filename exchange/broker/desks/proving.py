"""Proofs from the log's tree, as the broker hands them out: right, or none (F5)."""

from __future__ import annotations

import logging
from collections.abc import Callable

from exchange.audit.proofs.checkpoint import Checkpoint
from exchange.audit.proofs.merkle import leaf_hash
from exchange.audit.proofs.proven import DAMAGED, proven_consistency, proven_inclusion
from exchange.audit.proofs.tree import StoredTree
from exchange.errors import LogCorrupt, Unavailable

_log = logging.getLogger("exchange.broker.proofs")


def inclusion(
    tree: StoredTree, record: bytes, index: int, size: int, latest: Checkpoint
) -> tuple[bytes, ...]:
    """The audit path of a record in the tree of that size, which the latest one extends.

    Raises:
        Unavailable: `tree-damaged`, the operator must act.
    """

    def prove() -> list[bytes]:
        earlier = _at(tree, size, latest)
        proven_consistency(tree, earlier, latest)
        return proven_inclusion(tree, leaf_hash(record), index, earlier)

    return _or_unavailable(prove)


def extension(tree: StoredTree, size: int, latest: Checkpoint) -> tuple[bytes, ...]:
    """The proof that the latest tree extends the one of that size; empty where there is nothing to prove.

    Raises:
        Unavailable: `tree-damaged`, the operator must act.
    """
    if size == 0:
        return ()
    return _or_unavailable(lambda: proven_consistency(tree, _at(tree, size, latest), latest))


def consistency(tree: StoredTree, old: Checkpoint, new: Checkpoint) -> tuple[bytes, ...]:
    """The proof that one signed tree extends the other.

    Raises:
        Unavailable: `tree-damaged`, the operator must act.
    """
    return _or_unavailable(lambda: proven_consistency(tree, old, new))


def _at(tree: StoredTree, size: int, latest: Checkpoint) -> Checkpoint:
    """The log when it had that size; the root is to be proven."""
    return (
        latest if size == latest.size else Checkpoint(origin=latest.origin, size=size, root=tree.root(size))
    )


def _or_unavailable(prove: Callable[[], list[bytes]]) -> tuple[bytes, ...]:
    """A wrong proof would be read as a rewritten history, and be kept as evidence of it."""
    try:
        return tuple(prove())
    except LogCorrupt as error:
        _log.critical("ALARM: %s; %s", error.public, error.hint)
        raise Unavailable(
            "the log cannot prove that at present", reason=DAMAGED, hint="tell the city's operator"
        ) from None
