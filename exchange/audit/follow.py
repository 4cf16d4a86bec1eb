"""Following a log as it grows: every record in its place, and every signed checkpoint over exactly them.

Who follows keeps only the edge of the tree. Whatever comes is hashed into it, and each checkpoint must be
signed by the log's key (where that is known), never shrink, and have the root over what came.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from exchange.audit.proofs.checkpoint import Checkpoint, open_checkpoint
from exchange.audit.proofs.merkle import Frontier, leaf_hash, node_hash, verify_inclusion
from exchange.audit.proofs.note import NOTE_BYTES_MAX, VerifierKey, split_note
from exchange.audit.proofs.tree import StoredTree
from exchange.audit.records.entry import Entry
from exchange.audit.storage.layout import Layout, read_bounded
from exchange.audit.storage.segment import scan
from exchange.errors import ConfigError, LogCorrupt


class Source(Protocol):
    """Where a log is followed."""

    @property
    def pending(self) -> int:
        """Records that the following itself has added to the log, and that did not come back yet."""

    def checkpoint(self) -> bytes:
        """The latest signed one."""

    def edge(self, size: int) -> Sequence[bytes]:
        """The roots of the perfect subtrees of the tree of that size, largest first; nothing is believed."""

    def records(self, start: int, count: int) -> Iterator[tuple[int, Sequence[bytes]]]:
        """So many records from `start` on, in chunks, each with its first index."""

    def saw(self, entry: Entry) -> None:
        """A record came."""


def stated(note: bytes) -> Checkpoint:
    """What a checkpoint says, whoever signed it.

    Raises:
        LogCorrupt: this is no signed checkpoint.
    """
    return Checkpoint.parse(split_note(note)[0])


class Follower:
    """Follows one log from its present end on; `news` is called again and again."""

    def __init__(self, source: Source, key: VerifierKey | None = None) -> None:
        """Find the end of the log.

        Args:
            source: where.
            key: the log's; None leaves signatures unchecked.

        Raises:
            LogCorrupt: the checkpoint is not the log's, or the tree does not lead to its root.
            ExchangeError: what the source raises.
        """
        self._source, self._key = source, key
        self.origin = ""
        first = self._opened(source.checkpoint())
        self.origin = first.origin
        self._frontier = Frontier(first.size, list(source.edge(first.size)) if first.size else ())
        self._check_root(first)

    @property
    def size(self) -> int:
        """Index of the next record."""
        return self._frontier.size

    def news(self) -> Iterator[Entry]:
        """The records that a newer checkpoint covers, as they come; its root is held against them at the end.

        May be called again after an error of the source: it goes on where it was.

        Raises:
            LogCorrupt: the log is not what it was, or not what it signed; names the record where it can.
            ExchangeError: what the source raises.
        """
        checkpoint = self._opened(self._source.checkpoint())
        if checkpoint.size < self.size:
            raise LogCorrupt(
                f"the log has shrunk: {self.size} records were seen, and {checkpoint.size} are signed",
                index=checkpoint.size,
            )
        if 0 < checkpoint.size - self.size <= self._source.pending:
            return  # nothing but the reading of the log itself
        if checkpoint.size > self.size:
            for start, lines in self._source.records(self.size, checkpoint.size - self.size):
                yield from self._take(start, lines, checkpoint.size)
        if self.size < checkpoint.size:
            raise LogCorrupt(
                f"the checkpoint covers {checkpoint.size} records, and the log ends at {self.size}",
                index=self.size,
            )
        self._check_root(checkpoint)

    def _take(self, start: int, lines: Sequence[bytes], end: int) -> Iterator[Entry]:
        if start != self.size or start + len(lines) > end:
            raise LogCorrupt(f"record {self.size} was to come, and record {start} came", index=self.size)
        for line in lines:
            entry = Entry.parse(line)
            if entry.index != self.size:
                raise LogCorrupt(
                    f"the record in place {self.size} says that it is {entry.index}", index=self.size
                )
            self._frontier.append(leaf_hash(line))
            self._source.saw(entry)
            yield entry

    def _opened(self, note: bytes) -> Checkpoint:
        found = open_checkpoint(note, self._key) if self._key else stated(note)
        if self.origin and found.origin != self.origin:
            raise LogCorrupt(f"this is the checkpoint of {found.origin}; {self.origin} was being followed")
        return found

    def _check_root(self, checkpoint: Checkpoint) -> None:
        if self._frontier.root() != checkpoint.root:
            raise LogCorrupt(
                f"the {checkpoint.size} records do not have the root of the checkpoint that covers them",
                hint="keep what was shown; `exchange audit verify` on a copy says more",
            )


class FolderSource:
    """A log's folder on this machine, followed beside its writer."""

    pending = 0

    def __init__(self, folder: Path) -> None:
        """Nothing is read yet.

        Raises:
            ConfigError: there is no log.
        """
        self._layout = Layout(folder)
        if not self._layout.segments_folder.is_dir():
            raise ConfigError(
                f"there is no audit log at {folder}", hint="name the folder that holds `segments`"
            )
        self._tree = StoredTree(folder)
        self._place: tuple[Path, int] | None = None

    def checkpoint(self) -> bytes:
        """The latest signed one.

        Raises:
            ConfigError: it cannot be read.
        """
        try:
            return read_bounded(self._layout.checkpoint, NOTE_BYTES_MAX)
        except OSError:
            raise ConfigError("the log has no checkpoint that can be read") from None

    def edge(self, size: int) -> Sequence[bytes]:
        """From the tree's files."""
        found, start = [], 0
        while start < size:
            width = 1 << (size - start).bit_length() - 1
            found.append(self._tree.subtree(start, start + width))
            start += width
        return found

    def records(self, start: int, count: int) -> Iterator[tuple[int, Sequence[bytes]]]:
        """From the segments; the place of the last batch is remembered."""
        end = start + count
        for path in self._layout.segments():
            if self._place is not None and path < self._place[0]:
                continue
            offset = self._place[1] if self._place is not None and path == self._place[0] else 0
            for batch in scan(path, offset):
                if batch.problem or batch.first >= end:
                    return
                self._place = (path, batch.offset)
                lines = batch.records[max(0, start - batch.first) : end - batch.first]
                if lines:
                    yield max(start, batch.first), lines

    def saw(self, entry: Entry) -> None:
        """Reading a folder adds nothing to it."""


def edge_from_proof(record: bytes, proof: Sequence[bytes], size: int, root: bytes) -> list[bytes]:
    """The edge of the tree of that size, from the audit path of its last record.

    The siblings on the way from the last leaf to the root are the roots of the perfect subtrees to its left;
    the lowest of them belong to the subtree in which the leaf itself is.

    Raises:
        LogCorrupt: the path does not lead from the record to the root.
    """
    leaf = leaf_hash(record)
    if not verify_inclusion(leaf, size - 1, size, proof, root):
        raise LogCorrupt(f"record {size - 1} is not under the root of the checkpoint", index=size - 1)
    inside = (size & -size).bit_length() - 1
    last = leaf
    for sibling in proof[:inside]:
        last = node_hash(sibling, last)
    return [*reversed(proof[inside:]), last]
