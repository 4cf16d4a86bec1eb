"""Which record was altered, and how: found by holding what is there against authentic leaf hashes.

What can be named depends on what the forger left alone; docs/audit-record.md has the table. When
`tree/0` has the signed root, every hash in it is authentic and the record is named exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from exchange.audit.proofs.checkpoint import Checkpoint
from exchange.audit.proofs.leaves import read_leaves, stream_leaves
from exchange.audit.proofs.merkle import Frontier, leaf_hash
from exchange.audit.storage.layout import Layout
from exchange.audit.storage.segment import scan
from exchange.audit.verdict import Finding, What

_WINDOW = 4096


def leaves_are_authentic(layout: Layout, signed: Checkpoint) -> bool:
    """Whether the kept leaf hashes have the root that was signed: then each of them is authentic."""
    frontier = Frontier()
    frontier.extend(stream_leaves(layout.leaves, signed.size))
    return frontier.size == signed.size and frontier.root() == signed.root


def name_alteration(
    layout: Layout, segments: Sequence[Path], signed: Checkpoint, start: int = 0
) -> Finding | None:
    """The first record that differs from the authentic leaf hashes; None if none of those signed does.

    Args:
        layout: of the log.
        segments: those that are there.
        signed: the checkpoint.
        start: index of the first record in them; those before were removed under retention.
    """
    found = _hashes(segments)
    for place, kept in enumerate(stream_leaves(layout.leaves, signed.size, start), start):
        mine = next(found, None)
        if mine != kept:
            observed = ([] if mine is None else [mine]) + list(islice(found, _WINDOW))
            return _classify(place, observed, read_leaves(layout.leaves, place, _WINDOW))
    return None


def _hashes(segments: Iterable[Path]) -> Iterator[bytes]:
    for path in segments:
        for batch in scan(path):
            yield from map(leaf_hash, batch.records)


def _classify(place: int, observed: list[bytes], kept: list[bytes]) -> Finding:
    """Tell the five alterations apart by where the two sequences meet again."""
    if not observed:
        return _finding("truncated", place, f"record {place} and all behind it are missing")
    missing_ahead = observed[0] in kept
    extra_ahead = kept[0] in observed
    if missing_ahead and extra_ahead:
        return _finding("reordered", place, f"record {place} was moved away from its place")
    if missing_ahead:
        count = kept.index(observed[0])
        also = f" and {count - 1} behind it" if count > 1 else ""
        return _finding("deleted", place, f"record {place}{also} was deleted")
    if extra_ahead:
        return _finding("inserted", place, f"what stands in the place of record {place} was inserted")
    return _finding("edited", place, f"record {place} was edited")


def _finding(what: What, index: int, text: str) -> Finding:
    return Finding(what=what, index=index, last=index, text=text)
