"""What a log does when it is opened: check all, cut off only what a crash left, refuse everything else.

Sealed segments are checked by signature and digest; only what follows them is parsed. When anything there
does not hold, everything is read, to name the record. A crash can only leave an unfinished last batch that no
commit line and no checkpoint speak of: nobody was told that it was recorded. Anything else is damage or
forgery, and cutting it off would destroy evidence, so the log refuses to start (F4, F5).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from exchange.audit.proofs.checkpoint import Checkpoint, open_checkpoint
from exchange.audit.proofs.leaves import first_difference
from exchange.audit.proofs.merkle import EMPTY_ROOT, Frontier, leaf_hash
from exchange.audit.proofs.note import NOTE_BYTES_MAX, VerifierKey
from exchange.audit.records.entry import Entry
from exchange.audit.storage.hashes import frontier_at, root_at
from exchange.audit.storage.layout import Layout, first_index, read_bounded
from exchange.audit.storage.places import locate
from exchange.audit.storage.seal import Seal
from exchange.audit.storage.sealed import chain, first_broken, pruned, read_seal
from exchange.audit.storage.segment import Batch, scan
from exchange.errors import ConfigError, LogCorrupt

_HINT = "keep the folder as it is; `exchange audit verify` says more, and a copy from a witness settles it"


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
        base: size of the tree whose hashes in `tree/0` are proven.
        parsed: the segments behind that, in order: from them `tree/0` is made whole.
        closed: the seals that the last start or a crash left unwritten, in order; not yet signed.
    """

    frontier: Frontier = field(default_factory=Frontier)
    checkpoint: Checkpoint | None = None
    segment: int = 0
    offset: int = 0
    committed: bool = True
    cut_bytes: int = 0
    last_time: str = ""
    base: int = 0
    parsed: list[Path] = field(default_factory=list)
    closed: list[Seal] = field(default_factory=list)


def recover(layout: Layout, key: VerifierKey) -> Recovered:
    """Check the whole log. Changes nothing on disk.

    Raises:
        LogCorrupt: altered or damaged; names the first record that does not hold, where it can be known.
        ConfigError: something lies among the segments that the log did not put there.
    """
    signed, segments, seals = _checkpoint(layout, key), _segments(layout), chain(layout, key)
    if signed is None and (segments or seals):
        raise LogCorrupt("the log has records but no signed checkpoint", hint=_HINT)
    gone = pruned(layout, seals)
    broken = first_broken(layout, seals[len(gone) :])
    state = None if broken else _behind_seals(layout, signed, segments, seals, gone)
    if state is None:
        state = _behind_pruned(layout, signed, gone)
    state.parsed = [path for path in segments if first_index(path) >= state.base]
    for path in state.parsed:
        _segment(layout, state, path, key, last=path == segments[-1])
    if broken:
        raise LogCorrupt(f"segment {broken.first} does not fit its seal", index=broken.first, hint=_HINT)
    _check_end(layout, state)
    return state


def _checkpoint(layout: Layout, key: VerifierKey) -> Checkpoint | None:
    try:
        note = read_bounded(layout.checkpoint, NOTE_BYTES_MAX)
    except FileNotFoundError:
        return None
    return open_checkpoint(note, key)


def _segments(layout: Layout) -> list[Path]:
    for path in layout.strangers():
        raise ConfigError(f"{path} is no segment of this log", hint="move it away")
    return layout.segments()


def _behind_seals(
    layout: Layout, signed: Checkpoint | None, segments: list[Path], seals: list[Seal], gone: list[Seal]
) -> Recovered | None:
    """The state at the end of the sealed part, not one record read; None if only reading can tell."""
    size = seals[-1].size if seals else 0
    here = [first for path in segments if (first := first_index(path)) < size]
    if here != [seal.first for seal in seals[len(gone) :]]:
        return None
    promised = [(seal.size, seal.root) for seal in seals]
    if signed is not None and signed.size <= size:
        promised.append((signed.size, signed.root))
    if any(root_at(layout, at) != root for at, root in promised):
        return None
    frontier = frontier_at(layout, size)
    if frontier is None:
        return None
    time = _last_time(layout, seals[-1]) if len(seals) > len(gone) else ""
    return Recovered(frontier=frontier, checkpoint=signed, segment=size, last_time=time, base=size)


def _behind_pruned(layout: Layout, signed: Checkpoint | None, gone: list[Seal]) -> Recovered:
    """The state from which everything that is still here is read."""
    if not gone:
        return Recovered(checkpoint=signed)
    size = gone[-1].size
    frontier = frontier_at(layout, size)
    if frontier is None or any(root_at(layout, seal.size) != seal.root for seal in gone):
        raise LogCorrupt(
            "the hashes of records that retention removed are missing or altered",
            hint="put the folder `tree` back from a copy; nothing else can prove these records' places",
        )
    return Recovered(frontier=frontier, checkpoint=signed, segment=size, base=size)


def _last_time(layout: Layout, seal: Seal) -> str:
    """The time of the last record in a sealed segment."""
    path = layout.segment(seal.first)
    *_, batch = scan(path, locate(path, seal.size - 1))
    return Entry.parse(batch.records[-1]).time


def _segment(layout: Layout, state: Recovered, path: Path, key: VerifierKey, *, last: bool) -> None:
    first = first_index(path)
    if first != state.frontier.size:
        raise LogCorrupt(
            f"a segment begins at {first}, the one before ends at {state.frontier.size}",
            index=min(first, state.frontier.size),
            hint=_HINT,
        )
    seal = read_seal(layout, first, key)
    last = last and seal is None
    state.segment, state.offset, state.committed = first, 0, True
    for batch in scan(path):
        if state.cut_bytes:
            state.cut_bytes += batch.end - batch.offset
        elif batch.problem:
            if not last or batch.followed:
                raise _corrupt(layout, state, batch, batch.problem)
            state.cut_bytes = batch.end - batch.offset
        else:
            _take(layout, state, batch)
    if not last:
        _close(state, path, seal, key)


def _close(state: Recovered, path: Path, seal: Seal | None, key: VerifierKey) -> None:
    """Behind a segment that was closed for ever: what its seal says, or is to say."""
    size = state.frontier.size
    if not state.committed or size == state.segment:
        missing = size if size == state.segment else size - 1
        raise LogCorrupt("a closed segment lacks its last commit line", index=missing, hint=_HINT)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    found = Seal(
        origin=key.name,
        first=state.segment,
        size=size,
        length=state.offset,
        digest=digest,
        root=state.frontier.root(),
    )
    if seal is None:
        state.closed.append(found)
    elif seal != found:
        raise LogCorrupt(f"segment {found.first} does not fit its seal", index=found.first, hint=_HINT)
    state.segment, state.offset = size, 0


def _take(layout: Layout, state: Recovered, batch: Batch) -> None:
    """Take in a batch whose body fits its header."""
    if batch.first != state.frontier.size or not state.committed:
        raise _corrupt(layout, state, batch, "a batch does not follow the one before it")
    _grow(layout, state, batch, [leaf_hash(record) for record in batch.records])
    if batch.commit is not None and batch.commit != (state.frontier.size, state.frontier.root()):
        raise LogCorrupt("a commit line does not fit its records", index=batch.first, hint=_HINT)
    state.offset, state.committed = batch.end, batch.commit is not None
    state.last_time = Entry.parse(batch.records[-1]).time


def _grow(layout: Layout, state: Recovered, batch: Batch, hashes: list[bytes]) -> None:
    """Take in the hashes, and hold the root against the checkpoint where it was signed."""
    signed = state.checkpoint
    below = signed.size - state.frontier.size if signed is not None else 0
    if signed is None or not 0 < below <= len(hashes):
        state.frontier.extend(hashes)
        return
    state.frontier.extend(hashes[:below])
    if state.frontier.root() != signed.root:
        wrong = first_difference(layout.leaves, batch.first, hashes[:below])
        raise LogCorrupt("the records do not fit the signed checkpoint", index=wrong, hint=_HINT)
    state.frontier.extend(hashes[below:])


def _check_end(layout: Layout, state: Recovered) -> None:
    signed, size = state.checkpoint, state.frontier.size
    if signed is not None and signed.size > size:
        raise LogCorrupt(
            f"the log ends at {size} records; its checkpoint was signed over {signed.size}",
            index=size,
            hint=_HINT,
        )
    if signed is not None and signed.size == 0 and signed.root != EMPTY_ROOT:
        raise LogCorrupt("the checkpoint states a wrong root for an empty log", hint=_HINT)
    if signed is not None and 0 < signed.size <= state.base and root_at(layout, signed.size) != signed.root:
        raise LogCorrupt("the records do not fit the signed checkpoint", hint=_HINT)
    if any(first_index(path) >= size for path in layout.seals()):
        raise LogCorrupt(
            f"the log ends at {size} records; there are seals of later ones", index=size, hint=_HINT
        )


def _corrupt(layout: Layout, state: Recovered, batch: Batch, what: str) -> LogCorrupt:
    """The error for a damaged batch, naming the record by the leaf hashes kept beside the segments."""
    hashes = [leaf_hash(record) for record in batch.records]
    wrong = first_difference(layout.leaves, state.frontier.size, hashes)
    return LogCorrupt(what, index=state.frontier.size if wrong is None else wrong, hint=_HINT)
