"""An index that leaves nothing out: made from every record of the tree that was signed, and from no other."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from exchange.audit.index.build import Progress, refresh
from exchange.audit.index.proven import hold_leaves
from exchange.audit.index.shards import disjoint, listed
from exchange.audit.proofs.checkpoint import Checkpoint
from exchange.audit.storage.layout import Layout
from exchange.errors import LogCorrupt
from exchange.model.base import Frozen


class Covered(Frozen):
    """What an index holds: each record of [first, end).

    Attributes:
        first: the records before it are not here. Retention may have removed them; `verify` says whether.
        end: at least the size that was signed.
    """

    first: int = Field(ge=0)
    end: int = Field(ge=0)


def complete(log: Path, index: Path, signed: Checkpoint, *, progress: Progress | None = None) -> Covered:
    """Bring an index up to its log, and show that no record of the signed tree is missing from it.

    Args:
        log: the log's folder.
        index: one that only the asker can write: what came with a log proves nothing.
        signed: a checkpoint whose signature was verified.
        progress: of bringing the index up to date.

    Raises:
        ConfigError: there is no log, or the index cannot be kept.
        LogCorrupt: the tree is not the one that was signed, a record is not the tree's, or one is missing
            that does not stand at the log's beginning.
    """
    hold_leaves(Layout(log), signed)
    searched = refresh(log, index, hashed=True, progress=progress)
    if searched < signed.size:
        raise _missing(searched, signed.size - 1, "this may be a cut copy")
    shards = disjoint(listed(index))
    first = end = shards[0].first if shards else 0
    for one in shards:
        if one.first != end and end < signed.size:
            raise _missing(end, one.first - 1, "retention removes only from the beginning on")
        end = one.end
    return Covered(first=first, end=searched)


def _missing(first: int, last: int, hint: str) -> LogCorrupt:
    return LogCorrupt(
        f"records {first} to {last} were signed and are not here",
        index=first,
        hint=f"{hint}; `exchange audit verify` says more",
    )
