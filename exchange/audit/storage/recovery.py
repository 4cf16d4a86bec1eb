"""What a log does when it is opened: read everything, cut off only what a crash left, refuse everything else.

A crash can only leave an unfinished last batch that no commit line and no checkpoint speak of: nobody was
told that it was recorded. Anything else is damage or forgery, and cutting it off would destroy evidence, so
the log refuses to start and names the record (F4, F5).
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from dataclasses import dataclass, field
from pathlib import Path

from exchange.audit.proofs.checkpoint import Checkpoint, open_checkpoint
from exchange.audit.proofs.leaves import first_difference
from exchange.audit.proofs.merkle import EMPTY_ROOT, Frontier, leaf_hash
from exchange.audit.proofs.note import VerifierKey
from exchange.audit.records.entry import Entry
from exchange.audit.storage.layout import Layout, first_index
from exchange.audit.storage.segment import Batch, scan
from exchange.errors import ConfigError, LogCorrupt

_HINT = "keep the folder as it is; `exchange audit verify` says more, and a copy from a witness settles it"


class BatchIndex:
    """Where to begin reading for a record: one entry for each thousand records or so, in order."""

    EVERY = 1024

    def __init__(self) -> None:
        self._firsts = array("Q")
        self._segments = array("Q")
        self._offsets = array("Q")

    def add(self, first: int, segment: int, offset: int) -> None:
        """Note a batch; those that follow closely upon the last entry are passed over."""
        if not self._firsts or first - self._firsts[-1] >= self.EVERY or segment != self._segments[-1]:
            # Readers look here while the writer adds: what they search goes last.
            self._segments.append(segment)
            self._offsets.append(offset)
            self._firsts.append(first)

    def find(self, index: int) -> tuple[int, int]:
        """Segment (its first index) and offset of a batch that begins at or before the record."""
        at = bisect_right(self._firsts, index) - 1
        return (self._segments[at], self._offsets[at]) if at >= 0 else (0, 0)


@dataclass
class Recovered:
    """The state in which a log was found.

    Attributes:
        frontier: of all its records.
        checkpoint: the last one signed; None for a new log.
        segment: first index of the segment to append to; offset: its length once cut.
        committed: whether the last batch has its commit line.
        cut_bytes: unfinished bytes at the end, to be cut off.
        last_time: of the last record; "" for none.
        hashes: leaf hashes beyond the checkpoint, which `tree/0` may lack after a crash.
        batches: where to read from.
    """

    frontier: Frontier = field(default_factory=Frontier)
    checkpoint: Checkpoint | None = None
    segment: int = 0
    offset: int = 0
    committed: bool = True
    cut_bytes: int = 0
    last_time: str = ""
    hashes: list[bytes] = field(default_factory=list)
    batches: BatchIndex = field(default_factory=BatchIndex)


def recover(layout: Layout, key: VerifierKey) -> Recovered:
    """Read the whole log. Changes nothing on disk.

    Raises:
        LogCorrupt: altered or damaged; names the first record that does not hold, where it can be known.
    """
    state = Recovered(checkpoint=_checkpoint(layout, key))
    segments = layout.segments()
    if state.checkpoint is None and segments:
        raise LogCorrupt("the log has records but no signed checkpoint", hint=_HINT)
    for number, path in enumerate(segments):
        _segment(layout, state, path, last=number == len(segments) - 1)
    signed = state.checkpoint
    if signed is not None and signed.size > state.frontier.size:
        raise LogCorrupt(
            f"the log ends at {state.frontier.size} records; its checkpoint was signed over {signed.size}",
            index=state.frontier.size,
            hint=_HINT,
        )
    if signed is not None and signed.size == 0 and signed.root != EMPTY_ROOT:
        raise LogCorrupt("the checkpoint states a wrong root for an empty log", hint=_HINT)
    return state


def _checkpoint(layout: Layout, key: VerifierKey) -> Checkpoint | None:
    try:
        note = layout.checkpoint.read_bytes()
    except FileNotFoundError:
        return None
    return open_checkpoint(note, key)


def _segment(layout: Layout, state: Recovered, path: Path, *, last: bool) -> None:
    try:
        promised = first_index(path)
    except ValueError:
        raise ConfigError(f"{path} is no segment of this log", hint="move it away") from None
    if promised != state.frontier.size:
        raise LogCorrupt(
            f"a segment begins at {promised}, the one before ends at {state.frontier.size}",
            index=min(promised, state.frontier.size),
            hint=_HINT,
        )
    state.segment, state.offset, state.committed = promised, 0, True
    for batch in scan(path):
        if state.cut_bytes:
            state.cut_bytes += batch.end - batch.offset
            raise _corrupt(layout, state, batch, "something follows an unfinished batch")
        if batch.problem:
            if not last or batch.followed:
                raise _corrupt(layout, state, batch, batch.problem)
            state.cut_bytes = batch.end - batch.offset
        else:
            _take(layout, state, batch)
    if not last and not state.committed:
        raise LogCorrupt(
            "a sealed segment lacks its last commit line", index=state.frontier.size - 1, hint=_HINT
        )


def _take(layout: Layout, state: Recovered, batch: Batch) -> None:
    """Take in a batch whose body fits its header."""
    if batch.first != state.frontier.size or not state.committed:
        raise _corrupt(layout, state, batch, "a batch does not follow the one before it")
    hashes = [leaf_hash(record) for record in batch.records]
    _check_signed_root(layout, state, batch, hashes)
    root = state.frontier.root()
    if batch.commit is not None and batch.commit != (state.frontier.size, root):
        raise LogCorrupt("a commit line does not fit its records", index=batch.first, hint=_HINT)
    state.batches.add(batch.first, state.segment, batch.offset)
    state.offset, state.committed = batch.end, batch.commit is not None
    state.last_time = Entry.parse(batch.records[-1]).time


def _check_signed_root(layout: Layout, state: Recovered, batch: Batch, hashes: list[bytes]) -> None:
    signed = state.checkpoint.size if state.checkpoint else 0
    for number, leaf in enumerate(hashes):
        state.frontier.append(leaf)
        if state.frontier.size > signed:
            state.hashes.append(leaf)
        elif (
            state.frontier.size == signed
            and state.checkpoint
            and state.frontier.root() != state.checkpoint.root
        ):
            wrong = first_difference(layout.leaves, batch.first, hashes[: number + 1])
            raise LogCorrupt("the records do not fit the signed checkpoint", index=wrong, hint=_HINT)


def _corrupt(layout: Layout, state: Recovered, batch: Batch, what: str) -> LogCorrupt:
    """The error for a damaged batch, naming the record by the leaf hashes kept beside the segments."""
    hashes = [leaf_hash(record) for record in batch.records]
    wrong = first_difference(layout.leaves, state.frontier.size, hashes)
    return LogCorrupt(what, index=state.frontier.size if wrong is None else wrong, hint=_HINT)
