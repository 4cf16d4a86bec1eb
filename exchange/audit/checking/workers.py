"""Several stretches at once, each in a process of its own, merged in order.

Only innocence is shown this way. As soon as one process has anything to say against the log, all is read
again in order by the one reader that names records exactly: there are not two ways to find something.

A worker must know the tree before its stretch. It takes that from the hashes on disk, as a claim; the parent
believes nothing of it, but holds the tree at the end of each stretch against the claim for the next. So it is
with certificates: a first look finds them, and they must be those that the workers then meet.
"""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path

from exchange.audit.checking.parts import Part, Stretch, divided, whole
from exchange.audit.checking.reader import Reader
from exchange.audit.checking.skim import Certificates, FileDigest, merge, skim
from exchange.audit.proofs.merkle import Frontier
from exchange.audit.proofs.tree import StoredTree
from exchange.audit.records.recordcheck import REMARKS_MAX, RecordCheck
from exchange.audit.records.retention import Retained
from exchange.audit.storage.layout import Layout
from exchange.audit.verdict import Remark
from exchange.errors import LogCorrupt

RECORD_BYTES_MIN = 64
"""What every record has, and its newline, take so many."""


@dataclass(frozen=True)
class Job:
    """What all workers are told.

    Attributes:
        folder: of the log.
        watched: sizes whose roots are wanted.
        signed: so many records are covered by the checkpoint; awaited: so many must be there.
        receipts: whether to check signatures.
        certificates: found at the first look.
    """

    folder: Path
    watched: frozenset[int]
    signed: int
    awaited: int
    receipts: bool
    certificates: Certificates = field(default_factory=dict)

    def reader(self, frontier: Frontier | None = None) -> Reader:
        """A reader for this job, from that tree on."""
        return Reader(
            Layout(self.folder),
            RecordCheck(signatures=self.receipts, certificates=self.certificates),
            watched=self.watched,
            signed=self.signed,
            awaited=self.awaited,
            frontier=frontier,
        )


@dataclass(frozen=True)
class Seen:
    """What a worker saw; `clean` when it found nothing."""

    clean: bool
    after: bytes = b""
    roots: Mapping[int, bytes] = field(default_factory=dict)
    remarks: Sequence[Remark] = ()
    receipts: int = 0
    first_time: str = ""
    time: str = ""
    met: Mapping[str, int] = field(default_factory=dict)
    retained: Mapping[Retained, int] = field(default_factory=dict)


_jobs: list[Job] = []
"""In a worker: its job, told once and not with every stretch."""


def _told(job: Job) -> None:
    _jobs[:] = [job]


def look(stretch: Stretch, before: bytes) -> Seen:
    """Read one stretch. Runs in a process of its own."""
    reader = _jobs[0].reader(Frontier.from_bytes(before))
    reader.read(stretch)
    records = reader.records
    if reader.findings:
        return Seen(clean=False)
    return Seen(
        clean=True,
        after=reader.frontier.to_bytes(),
        roots=reader.roots,
        remarks=records.remarks,
        receipts=records.receipts,
        first_time=records.first_time,
        time=records.time,
        met=records.met,
        retained=records.retained,
    )


class Crew:
    """Judges parts by several processes, on behalf of one reader, which has passed over what was removed."""

    def __init__(self, job: Job, reader: Reader, workers: int) -> None:
        self._job, self._reader, self._workers = job, reader, workers
        self._tree = StoredTree(job.folder)
        self._claim = reader.frontier.copy()
        self._waiting: deque[tuple[Stretch, bytes, Future[Seen]]] = deque()
        self._room = 0

    def read(self, parts: Sequence[Part], tell: Callable[[Stretch], None]) -> dict[Path, FileDigest] | None:
        """Read all; the digests of sealed files, or None if something is to be said.

        Raises:
            OSError: a file cannot be read.
        """
        records = self._reader.records
        try:
            digests = self._first_look(parts)
            stretches = (found for part in parts for found in divided(whole(part, last=part is parts[-1])))
            with _pool(self._workers, self._job) as pool:
                for stretch in stretches:
                    self._send(pool, stretch)
                    if len(self._waiting) > self._workers + 1 and not self._receive(tell):
                        pool.shutdown(cancel_futures=True)
                        return None
                if not all(self._receive(tell) for _ in range(len(self._waiting))):
                    return None
        except (BrokenProcessPool, LogCorrupt, ValueError):
            # The tree on disk is short or odd, or a process was killed: reading in order needs neither.
            return None
        finally:
            self._tree.close()
        found = {name: place for name, (place, _) in self._job.certificates.items()}
        return digests if records.met == found else None

    def _first_look(self, parts: Sequence[Part]) -> dict[Path, FileDigest]:
        digests: dict[Path, FileDigest] = {}
        merge(self._job.certificates, self._reader.records.certificates)
        with _pool(self._workers, self._job) as pool:
            looks = [
                (part.log, pool.submit(skim, part.log, sealed=bool(part.seal))) for part in parts if part.log
            ]
            for path, look_at in looks:
                digest, certificates = look_at.result()
                merge(self._job.certificates, certificates)
                if digest is not None:
                    digests[path] = digest
        return digests

    def _send(self, pool: ProcessPoolExecutor, stretch: Stretch) -> None:
        # A header may promise any index, and tree/0 be a sparse file: that is not to keep us busy for years.
        if stretch.first - self._claim.size > self._room:
            raise ValueError("the stretch before has no room for so many records")
        self._claim_up_to(stretch.first)
        size = (stretch.end or stretch.path.stat().st_size) - stretch.offset
        self._room = size // RECORD_BYTES_MIN
        before = self._claim.to_bytes()
        self._waiting.append((stretch, before, pool.submit(look, stretch, before)))

    def _claim_up_to(self, size: int) -> None:
        """Grow the claimed tree by what the disk says of the leaves in between, in perfect subtrees."""
        claim = self._claim
        if size < claim.size:
            raise ValueError("segments overlap")
        while claim.size < size:
            room = (size - claim.size).bit_length() - 1
            height = min(room, (claim.size & -claim.size).bit_length() - 1) if claim.size else room
            claim.append_subtree(self._tree.subtree(claim.size, claim.size + (1 << height)), height)

    def _receive(self, tell: Callable[[Stretch], None]) -> bool:
        """Take in what was seen of the next stretch, if it fits what came before."""
        stretch, before, future = self._waiting.popleft()
        seen, reader, records = future.result(), self._reader, self._reader.records
        older = bool(seen.first_time) and seen.first_time < records.time
        if not seen.clean or older or before != reader.frontier.to_bytes():
            return False
        records.remarks[:] = [*records.remarks, *seen.remarks][:REMARKS_MAX]
        records.receipts += seen.receipts
        records.time = seen.time or records.time
        for name, place in seen.met.items():
            records.met.setdefault(name, place)
        for retained, place in seen.retained.items():
            records.retained.setdefault(retained, place)
        reader.roots.update(seen.roots)
        reader.frontier = Frontier.from_bytes(seen.after)
        tell(stretch)
        return True


def _pool(workers: int, job: Job) -> ProcessPoolExecutor:
    # Not forked: the parent may have threads.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(max_workers=workers, mp_context=context, initializer=_told, initargs=(job,))
