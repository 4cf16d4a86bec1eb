"""Verify a log from its files and a public key: nobody's word, least of all the broker's, is taken for it.

One pass in constant memory checks framing, canonical form, order, time, roots, seals and receipts. What
decides is the signed checkpoint: if the root over the records is the signed one, every record below it is
authentic. If not, the rest of the evidence serves to name the record (`diagnose.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from exchange.audit.checking.anchors import Anchors
from exchange.audit.checking.judging import judged
from exchange.audit.checking.parts import Part, Stretch, parts_of, whole
from exchange.audit.checking.reader import Reader
from exchange.audit.checking.skim import FileDigest, digest_of
from exchange.audit.checking.workers import Crew, Job
from exchange.audit.proofs.note import VerifierKey
from exchange.audit.proofs.trust import TrustPolicy
from exchange.audit.storage.layout import Layout
from exchange.audit.verdict import Verdict
from exchange.errors import ConfigError

Progress = Callable[[int, int], None]
"""Called now and then with bytes done and bytes in all."""

WORTH_SHARING_BYTES = 96 << 20
"""Below, processes take longer to start than they save."""


def verify(
    path: Path,
    key: VerifierKey | TrustPolicy,
    *,
    checkpoint: bytes | None = None,
    since: bytes | Sequence[bytes] | None = None,
    receipts: bool = True,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Verdict:
    """Read everything and judge.

    Args:
        path: a log's folder, or one segment file copied from it (then `checkpoint` is needed).
        key: of the log; or a trust policy, then a quorum of its witnesses must have cosigned, too.
        checkpoint: a signed one to use in place of the folder's own.
        since: earlier signed checkpoints, kept by whoever verifies or by witnesses: they show a rewritten or
            restored log.
        receipts: whether to check the signatures of connectors and consumers too.
        jobs: processes to read with. With more than one, a caller's program must be one that can be imported
            (`if __name__ == "__main__":`), as `multiprocessing` asks.
        progress: for a bar on a terminal.

    Raises:
        ConfigError: there is no log at that path, or it cannot be read.
    """
    layout = Layout(path)
    if not path.exists() or (path.is_dir() and not layout.segments_folder.is_dir()):
        raise ConfigError(f"there is no audit log at {path}", hint="name its folder, or a segment file")
    trust = key if isinstance(key, TrustPolicy) else TrustPolicy.of_key(key)
    earlier = [since] if isinstance(since, bytes) else list(since or ())
    try:
        parts = parts_of(path)
        anchors = Anchors.of(layout, trust, parts, checkpoint=checkpoint, since=earlier)
        reader, digests = _Reading(path, parts, anchors, receipts=receipts).read(jobs, progress)
        return judged(layout, parts, anchors, reader, digests)
    except OSError as error:
        raise ConfigError(f"the log cannot be read: {error}") from None


class _Reading:
    """One verification: what is to be read, and how."""

    def __init__(self, path: Path, parts: Sequence[Part], anchors: Anchors, *, receipts: bool) -> None:
        self._path, self._anchors, self._receipts = path, anchors, receipts
        self._removed = [part for part in parts if part.log is None]
        self._present = [part for part in parts if part.log is not None]
        self._parts = parts
        self._bytes = sum(part.log.stat().st_size for part in self._present if part.log)

    def read(self, jobs: int, progress: Progress | None) -> tuple[Reader, Mapping[Path, FileDigest]]:
        """Everything, by several processes if that pays and nothing is wrong; otherwise in order."""
        shared = jobs > 1 and self._bytes >= WORTH_SHARING_BYTES and self._path.is_dir()
        # What was removed is the oldest part of a log; anything else is for reading in order to say.
        if shared and list(self._parts) == [*self._removed, *self._present]:
            job = self._job()
            reader = job.reader()
            self._pass_over(reader, self._removed)
            crew = Crew(job, reader, jobs)
            digests = None if reader.findings else crew.read(self._present, self._counting(progress))
            if digests is not None:
                return reader, digests
        return self._in_order(progress)

    def _in_order(self, progress: Progress | None) -> tuple[Reader, Mapping[Path, FileDigest]]:
        reader, before = self._job().reader(), 0
        digests: dict[Path, FileDigest] = {}
        for part in self._parts:
            if part.log is None:
                self._pass_over(reader, [part])
                continue
            tell = partial(_tell, progress, before, self._bytes) if progress else None
            reader.read(whole(part, last=part is self._parts[-1]), tell)
            if part.seal:
                digests[part.log] = digest_of(part.log)
            before += part.log.stat().st_size
        return reader, digests

    def _job(self) -> Job:
        anchors = self._anchors
        return Job(
            folder=self._path,
            watched=anchors.watched,
            signed=anchors.size,
            awaited=anchors.awaited,
            receipts=self._receipts,
        )

    def _pass_over(self, reader: Reader, removed: Iterable[Part]) -> None:
        for part in removed:
            seal = self._anchors.seals.get(part.first)
            if seal is not None:
                reader.pass_over(part.first, seal)

    def _counting(self, progress: Progress | None) -> Callable[[Stretch], None]:
        done = 0

        def tell(stretch: Stretch) -> None:
            nonlocal done
            done += (stretch.end or stretch.path.stat().st_size) - stretch.offset
            if progress:
                progress(done, self._bytes)

        return tell


def _tell(progress: Progress, before: int, total: int, offset: int) -> None:
    progress(before + offset, total)
