"""The one reading of a log's records, from wherever it begins: what it finds, and the tree over them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from itertools import islice

from exchange.audit.checking.parts import Stretch
from exchange.audit.proofs.leaves import first_difference, read_leaves, stream_leaves
from exchange.audit.proofs.merkle import EMPTY_ROOT, Frontier, leaf_hash
from exchange.audit.records.entry import Entry
from exchange.audit.records.recordcheck import RecordCheck
from exchange.audit.records.retention import outlives
from exchange.audit.storage.layout import Layout, read_bounded
from exchange.audit.storage.seal import Seal
from exchange.audit.storage.segment import Batch, scan
from exchange.audit.verdict import Finding, What
from exchange.errors import LogCorrupt

Tell = Callable[[int], None]
"""Called now and then with the offset reached in the segment."""


class Reader:
    """Reads in order. Memory is bounded by a batch.

    Attributes:
        frontier: of all that was read.
        roots: at the watched sizes that were passed.
        records: what is known of the single records.
        findings: the first of each kind: what follows is mostly its echo.
        removed: records known by their hashes only.
        kept: SHA-256 (hex) of the file of records that stay, by the first index of a removed segment.
    """

    def __init__(
        self,
        layout: Layout,
        records: RecordCheck,
        *,
        watched: Collection[int],
        signed: int,
        awaited: int,
        frontier: Frontier | None = None,
    ) -> None:
        """Begin.

        Args:
            layout: of the log.
            records: checks each.
            watched: sizes of the tree whose roots are wanted.
            signed: so many records are covered by the checkpoint; 0 for none.
            awaited: so many records at least there must be: an unfinished batch below is damage.
            frontier: of the records before; none by default.
        """
        self.records = records
        self.frontier = frontier or Frontier()
        self.roots: dict[int, bytes] = {0: EMPTY_ROOT}
        self.findings: dict[What, Finding] = {}
        self.removed = 0
        self.kept: dict[int, str] = {}
        self._layout, self._signed, self._awaited = layout, signed, awaited
        self._watched = frozenset(watched)

    def read(self, stretch: Stretch, tell: Tell | None = None) -> None:
        """All batches of a stretch."""
        if stretch.opens and stretch.first not in {-1, self.frontier.size}:
            self._gap(stretch.first)
        committed, ended = True, False
        for batch in scan(stretch.path, stretch.offset, stretch.end):
            if ended := ended or self._ends(batch, stretch):
                continue
            self._batch(batch)
            if not committed and batch.records:
                self.find("framing", batch.first, "the batch before it has no commit line")
            committed = batch.commit is not None
            if tell:
                tell(batch.end)

    def pass_over(self, first: int, seal: Seal) -> None:
        """A segment whose records were removed: its hashes stand for it, and the records that stay.

        The hashes are authentic if the root over them is the sealed one, and the signed one further on.
        """
        if first != self.frontier.size:
            self._gap(first)
            return
        before = self.frontier.size
        self._kept_records(seal)
        self.frontier.extend(stream_leaves(self._layout.leaves, seal.size, first))
        self._watch()
        self.removed += self.frontier.size - before
        if self.frontier.size != seal.size:
            text = f"the hashes of records {first} to {seal.size - 1} are missing, their segment was removed"
            self.find("leaves", first, text, seal.size - 1)

    def find(self, what: What, index: int | None, text: str, last: int | None = None) -> None:
        """Keep the first finding of a kind."""
        self.findings.setdefault(what, Finding(what=what, index=index, last=last, text=text))

    def _gap(self, promised: int) -> None:
        text = f"a segment is to begin at {promised}; the one before ends at {self.frontier.size}"
        self.find("framing", min(promised, self.frontier.size), text)

    def _ends(self, batch: Batch, stretch: Stretch) -> bool:
        """Whether the log ends here: what follows was left unfinished, or is being written."""
        start = self.frontier.size
        unfinished = stretch.last and stretch.end is None and batch.problem and not batch.followed
        if not unfinished or start < self._awaited:
            return False
        self.records.remark_unfinished(start)
        return True

    def _batch(self, batch: Batch) -> None:
        start = self.frontier.size
        hashes = [leaf_hash(line) for line in batch.records]
        self._grow(hashes)
        self._framing(batch, start, hashes)
        check = self.records.check
        for place, line in enumerate(batch.records, start):
            for what, text in check(place, line):
                self.find(what, place, text, place)

    def _grow(self, hashes: list[bytes]) -> None:
        size, left = self.frontier.size, iter(hashes)
        for stop in sorted(at for at in self._watched if size < at <= size + len(hashes)):
            self.frontier.extend(islice(left, stop - self.frontier.size))
            self._watch()
        self.frontier.extend(left)

    def _watch(self) -> None:
        if self.frontier.size in self._watched:
            self.roots[self.frontier.size] = self.frontier.root()

    def _framing(self, batch: Batch, start: int, hashes: list[bytes]) -> None:
        last = max(start, self.frontier.size - 1)
        if batch.problem:
            self.find("framing", start, batch.problem, last)
        elif batch.first != start:
            self.find("framing", start, f"a batch says that it begins at {batch.first}", last)
        if batch.commit is not None and batch.commit != (self.frontier.size, self.frontier.root()):
            self.find("altered", start, f"records {start} to {last} do not fit their commit line", last)
        signed = hashes[: max(0, self._signed - start)]  # a crash may leave those behind unfinished
        wrong = first_difference(self._layout.leaves, start, signed) if signed else None
        if wrong is not None:
            self.find("leaves", wrong, f"record {wrong} does not fit the leaf hash kept for it", wrong)

    def _kept_records(self, seal: Seal) -> None:
        path = self._layout.kept(seal.first)
        try:
            data = read_bounded(path, seal.length)
        except FileNotFoundError:
            self.find("kept", seal.first, f"the records kept of {seal.first} to {seal.size - 1} are missing")
            return
        except LogCorrupt as error:
            self.find("kept", seal.first, error.public)
            return
        self.kept[seal.first] = hashlib.sha256(data).hexdigest()
        place = seal.first - 1
        for line in data.splitlines():
            place = self._kept_record(seal, place, line)

    def _kept_record(self, seal: Seal, before: int, line: bytes) -> int:
        try:
            entry = Entry.parse(line)
        except LogCorrupt:
            self.find("kept", before + 1, f"behind record {before}, something kept is not a record")
            return before
        place = entry.index
        if not (before < place < seal.size) or not outlives(entry.fields):
            self.find("kept", place, f"record {place} is not one that retention keeps there", place)
        elif read_leaves(self._layout.leaves, place, 1) != [leaf_hash(line)]:
            self.find("kept", place, f"record {place}, kept, does not fit its leaf hash", place)
        for what, text in self.records.check(place, line):
            self.find(what, place, text, place)
        return max(before, place)
