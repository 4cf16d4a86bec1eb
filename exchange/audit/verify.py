"""Verify a log from its files and a public key: nobody's word, least of all the broker's, is taken for it.

One pass in constant memory checks framing, canonical form, order, time, roots and receipts. What decides is
the signed checkpoint: if the root over the records is the signed one, every record below it is authentic. If
not, the rest of the evidence serves to name the record (`diagnose.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from exchange.audit.diagnose import leaves_are_authentic, name_alteration
from exchange.audit.proofs.checkpoint import Checkpoint, open_checkpoint
from exchange.audit.proofs.leaves import first_difference
from exchange.audit.proofs.merkle import EMPTY_ROOT, Frontier, leaf_hash
from exchange.audit.proofs.note import VerifierKey
from exchange.audit.records.recordcheck import RecordCheck
from exchange.audit.storage.layout import Layout, first_index
from exchange.audit.storage.segment import Batch, scan
from exchange.audit.verdict import Finding, Verdict, What
from exchange.errors import ConfigError, LogCorrupt

Progress = Callable[[int, int], None]
"""Called now and then with bytes done and bytes in all."""


def verify(
    path: Path,
    key: VerifierKey,
    *,
    checkpoint: bytes | None = None,
    since: bytes | None = None,
    receipts: bool = True,
    progress: Progress | None = None,
) -> Verdict:
    """Read everything and judge.

    Args:
        path: a log's folder, or one segment file copied from it (then `checkpoint` is needed).
        key: of the log.
        checkpoint: a signed one to use in place of the folder's own.
        since: an earlier signed checkpoint, kept by whoever verifies: shows a rewritten or restored log.
        receipts: whether to check the signatures of connectors and consumers too.
        progress: for a bar on a terminal.

    Raises:
        ConfigError: there is no log at that path, or it cannot be read.
    """
    layout = Layout(path)
    segments = layout.segments() if path.is_dir() else [path]
    if not path.exists() or (path.is_dir() and not layout.segments_folder.is_dir()):
        raise ConfigError(f"there is no audit log at {path}", hint="name its folder, or a segment file")
    run = _Run(layout, key, RecordCheck(signatures=receipts))
    try:
        signed = run.open("the checkpoint", checkpoint or _own_checkpoint(layout))
        earlier = run.open("the earlier checkpoint", since) if since is not None else None
        run.watch(signed, earlier)
        run.read(segments, progress)
        run.judge(segments, signed, earlier)
    except OSError as error:
        raise ConfigError(f"the log cannot be read: {error}") from None
    return run.verdict(signed)


def _own_checkpoint(layout: Layout) -> bytes:
    try:
        return layout.checkpoint.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return b""


class _Run:
    """The state of one verification."""

    def __init__(self, layout: Layout, key: VerifierKey, records: RecordCheck) -> None:
        self._layout, self._key, self._records = layout, key, records
        self._frontier = Frontier()
        self._roots: dict[int, bytes] = {0: EMPTY_ROOT}
        self._watched: frozenset[int] = frozenset()
        self._signed = 0
        self._findings: dict[What, Finding] = {}

    def open(self, name: str, note: bytes) -> Checkpoint | None:
        """The checkpoint if it is genuine; a finding otherwise (T60)."""
        if not note:
            self._find("checkpoint", None, "there is no signed checkpoint: nothing proves what the log held")
            return None
        try:
            return open_checkpoint(note, self._key)
        except LogCorrupt as error:
            self._find("checkpoint", None, f"{name}: {error.public}")
            return None

    def watch(self, signed: Checkpoint | None, earlier: Checkpoint | None) -> None:
        """Keep the roots at these sizes while reading."""
        self._watched = frozenset(found.size for found in (signed, earlier) if found is not None)
        self._signed = signed.size if signed else 0

    def read(self, segments: Sequence[Path], progress: Progress | None) -> None:
        """The one pass over all records."""
        total, before = sum(path.stat().st_size for path in segments), 0
        for path in segments:
            self._segment_start(path)
            committed = True
            for batch in scan(path):
                self._batch(batch, last=path == segments[-1])
                if not committed and batch.records:
                    self._find("framing", batch.first, "the batch before it has no commit line")
                committed = batch.commit is not None
                if progress:
                    progress(before + batch.end, total)
            before += path.stat().st_size

    def _segment_start(self, path: Path) -> None:
        try:
            promised = first_index(path)
        except ValueError:
            promised = self._frontier.size
        if promised != self._frontier.size:
            text = f"a segment is to begin at {promised}; the one before ends at {self._frontier.size}"
            self._find("framing", min(promised, self._frontier.size), text)

    def _batch(self, batch: Batch, *, last: bool) -> None:
        start = self._frontier.size
        if batch.problem and last and not batch.followed and start >= max(self._watched, default=0):
            self._records.remark_unfinished(start)
            return
        hashes = [leaf_hash(line) for line in batch.records]
        for leaf in hashes:
            self._frontier.append(leaf)
            if self._frontier.size in self._watched:
                self._roots[self._frontier.size] = self._frontier.root()
        self._framing(batch, start, hashes)
        for place, line in enumerate(batch.records, start):
            for what, text in self._records.check(place, line):
                self._find(what, place, text, place)

    def _framing(self, batch: Batch, start: int, hashes: list[bytes]) -> None:
        last = max(start, self._frontier.size - 1)
        if batch.problem:
            self._find("framing", start, batch.problem, last)
        elif batch.first != start:
            self._find("framing", start, f"a batch says that it begins at {batch.first}", last)
        if batch.commit is not None and batch.commit != (self._frontier.size, self._frontier.root()):
            self._find("altered", start, f"records {start} to {last} do not fit their commit line", last)
        kept = hashes[: max(0, self._signed - start)]  # a crash may leave those behind unfinished
        wrong = first_difference(self._layout.leaves, start, kept) if kept else None
        if wrong is not None:
            self._find("leaves", wrong, f"record {wrong} does not fit the leaf hash kept for it", wrong)

    def judge(self, segments: Sequence[Path], signed: Checkpoint | None, earlier: Checkpoint | None) -> None:
        """Hold the roots against what was signed, and name what was altered."""
        if earlier is not None and self._roots.get(earlier.size) != earlier.root:
            self._find("fork", None, f"the first {earlier.size} records are not those signed earlier")
        if signed is None:
            return
        if earlier is not None and signed.size < earlier.size:
            text = f"the checkpoint covers {signed.size} records, the earlier one {earlier.size}: restored?"
            self._find("fork", None, text)
        if self._roots.get(signed.size) == signed.root:
            self._records.remark_unsigned(signed.size, self._frontier.size)
            return
        self._name(segments, signed)

    def _name(self, segments: Sequence[Path], signed: Checkpoint) -> None:
        """The records are not those that were signed: find out which, as exactly as the evidence allows."""
        if leaves_are_authentic(self._layout, signed):
            named = name_alteration(self._layout, segments, signed)
            if named is not None:
                # Exact and proven; what else was seen are consequences of it.
                fork = self._findings.get("fork")
                self._findings = {named.what: named} | ({} if fork is None else {fork.what: fork})
                return
        if self._frontier.size < signed.size:
            size = self._frontier.size
            self._find(
                "truncated", size, f"{size} records are here, {signed.size} were signed", signed.size - 1
            )
        elif not any(found.index is not None for found in self._findings.values()):
            self._find("altered", 0, "the records are not those that were signed", signed.size - 1)
        self._find("checkpoint", None, f"the root over {signed.size} records is not the signed one")

    def verdict(self, signed: Checkpoint | None) -> Verdict:
        """All of it as a value."""
        order = sorted(self._findings.values(), key=lambda found: (found.index is None, found.index or 0))
        return Verdict(
            whole=not order,
            records=self._frontier.size,
            signed=signed.size if signed else 0,
            root=self._frontier.root().hex(),
            origin=self._key.name,
            findings=tuple(order),
            remarks=tuple(self._records.remarks),
            receipts=self._records.receipts,
        )

    def _find(self, what: What, index: int | None, text: str, last: int | None = None) -> None:
        """Keep the first finding of a kind: what follows is mostly its echo."""
        self._findings.setdefault(what, Finding(what=what, index=index, last=last, text=text))
