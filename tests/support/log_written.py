"""A log's files with any lines in them, also of kinds that this version does not know."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from audit_house import KEY, ORIGIN

from exchange.audit.proofs.checkpoint import Checkpoint, sign_checkpoint
from exchange.audit.proofs.merkle import Frontier, leaf_hash
from exchange.audit.storage.layout import Layout
from exchange.audit.storage.segment import encode_batch, encode_commit
from exchange.model.canonical import canonical


def line(index: int, time: str, kind: str, **fields: Any) -> bytes:
    """A canonical record."""
    return canonical({"v": 1, "index": index, "time": time, "kind": kind, **fields})


def written(folder: Path, lines: Sequence[bytes], *, each: int = 7, segments: int = 2) -> Path:
    """A signed log of the lines, `each` in a batch, in as many segments as asked for."""
    layout = Layout(folder)
    layout.segments_folder.mkdir(parents=True, exist_ok=True)
    layout.leaves.parent.mkdir(exist_ok=True)
    frontier = Frontier()
    batches = [list(lines[at : at + each]) for at in range(0, len(lines), each)]
    per_segment = max(1, -(-len(batches) // segments))
    for at in range(0, len(batches), per_segment):
        path, data = layout.segment(frontier.size), b""
        for batch in batches[at : at + per_segment]:
            first = frontier.size
            frontier.extend(leaf_hash(record) for record in batch)
            data += encode_batch(first, batch) + encode_commit(frontier.size, frontier.root())
        path.write_bytes(data)
    layout.leaves.write_bytes(b"".join(leaf_hash(record) for record in lines))
    checkpoint = Checkpoint(origin=ORIGIN, size=frontier.size, root=frontier.root())
    layout.checkpoint.write_bytes(sign_checkpoint(checkpoint, KEY))
    return folder
