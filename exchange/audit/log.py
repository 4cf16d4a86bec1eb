"""The audit log as the broker uses it: append and know it is durable; read; show the signed checkpoint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exchange.audit.proofs.checkpoint import Checkpoint, sign_checkpoint
from exchange.audit.proofs.leaves import hashes_of
from exchange.audit.proofs.merkle import EMPTY_ROOT
from exchange.audit.proofs.note import verifier_key
from exchange.audit.records.commitment import commitment, commitment_key
from exchange.audit.records.kinds import LogRecord
from exchange.audit.records.record import Record
from exchange.audit.storage.disk import Disk, SystemDisk
from exchange.audit.storage.group import Pending, Queue, in_parts
from exchange.audit.storage.hashes import TreeFiles
from exchange.audit.storage.layout import Layout
from exchange.audit.storage.lock import FolderLock
from exchange.audit.storage.places import first_here, kept_line, locate, segment_of
from exchange.audit.storage.recovery import Recovered, recover
from exchange.audit.storage.segment import scan
from exchange.audit.storage.signer import Signer, SigningKey
from exchange.audit.storage.store import SEGMENT_BYTES_MAX, Store
from exchange.audit.storage.writer import Writer
from exchange.errors import AuditUnavailable, ConfigError
from exchange.model.clock import Clock


@dataclass(frozen=True)
class LogLimits:
    """What is bounded, and how.

    Attributes:
        wait_s_max: nobody waits longer for a record to be durable.
        checkpoint_every_s: a checkpoint is signed at most so often while records come in.
        segment_bytes_max: a new segment file begins when one is that long.
    """

    wait_s_max: float = 10.0
    checkpoint_every_s: float = 0.2
    segment_bytes_max: int = SEGMENT_BYTES_MAX


class AuditLog:
    """One open log. Safe from any number of threads; one process at a time (F23)."""

    def __init__(
        self,
        layout: Layout,
        lock: FolderLock,
        writer: Writer,
        signer: Signer,
        queue: Queue,
        secret: bytes,
    ) -> None:
        """Use `open`."""
        self._layout, self._lock, self._secret = layout, lock, secret
        self._writer, self._signer, self._queue = writer, signer, queue

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        origin: str,
        key: Ed25519PrivateKey,
        clock: Clock,
        disk: Disk | None = None,
        identity: str = "",
        version: str = "",
        limits: LogLimits = LogLimits(),
        held: bool = False,
    ) -> AuditLog:
        """Open the log, or begin it; records its own opening.

        Args:
            folder: belongs to this log alone; made if it is missing.
            origin: names the log in its checkpoints, for example `city.example/audit`.
            key: signs checkpoints; the same for the life of the log.
            clock: gives the records' time.
            disk: what is written with; the machine's own by default.
            identity: SPIFFE id of the broker.
            version: of the software.
            limits: waiting, signing and file sizes.
            held: sign nothing before `release`: the witnesses have not yet shown what they saw (F24).

        Raises:
            ConfigError: another process writes this log, or the folder cannot be used.
            LogCorrupt: the log was altered or damaged; nothing was changed.
            AuditUnavailable: the disk refuses to record the opening.
        """
        disk, layout = disk or SystemDisk(), Layout(folder)
        with ExitStack() as undo:
            lock = _occupy(layout)
            undo.callback(lock.release)
            try:
                state = recover(layout, verifier_key(origin, key))
            except OSError as error:
                raise AuditUnavailable("the audit log cannot be read", detail=str(error)) from None
            opening = LogRecord(
                subject=identity,
                event="recovered" if state.cut_bytes else "opened",
                size=state.frontier.size,
                dropped_bytes=state.cut_bytes,
                version=version,
            )
            try:
                signing = SigningKey(origin, key, limits.checkpoint_every_s)
                writer, signer, queue = _start(layout, disk, state, signing, clock, limits, held=held)
            except OSError as error:
                raise AuditUnavailable("the audit log's disk refuses to write", detail=str(error)) from None
            undo.callback(writer.stop)
            log = cls(layout, lock, writer, signer, queue, commitment_key(key))
            log.append(opening)
            undo.pop_all()
        return log

    def append(self, record: Record) -> int:
        """Record it; its index, once it is durable.

        Raises:
            AuditUnavailable: it is not recorded (or nobody knows): do nothing that needed it.
            RequestInvalid: it is larger than a record can be.
        """
        return self._queue.put([record.encode()])

    def submit(self, record: Record) -> Pending:
        """Hand it over without waiting for the disk; it is recorded once the result says so, not before.

        Raises:
            AuditUnavailable: there is no room for it, or the log has stopped.
            RequestInvalid: it is larger than a record can be.
        """
        return self._queue.submit([record.encode()])

    def append_many(self, records: Sequence[Record]) -> list[int]:
        """Record them in order; their indices, once all are durable. Others' records may stand in between.

        Raises:
            AuditUnavailable: some may not be recorded; recording them again is harmless.
            RequestInvalid: one is larger than a record can be; then none is recorded.
        """
        indices: list[int] = []
        for part in in_parts([record.encode() for record in records]):
            first = self._queue.put(part)
            indices.extend(range(first, first + len(part)))
        return indices

    def commitment(self, text: str) -> str:
        """The keyed commitment to a text that must not stand in the log in clear (T62)."""
        return commitment(self._secret, text)

    def read(self, start: int = 0, count: int | None = None) -> Iterator[bytes]:
        """Durable records from an index on, as they lie in the log; streamed, safe beside the writer.

        Args:
            start: index of the first.
            count: at most so many; None for all there are when reading begins.

        Raises:
            RecordGone: retention removed the first of them.
        """
        durable = self._writer.durable
        end = durable.size if count is None else min(durable.size, start + count)
        if start >= end:
            return
        segment = segment_of(self._layout, start)
        for path in self._layout.segments():
            first = int(path.stem)
            if first < segment or first > durable.segment or first >= end:
                continue
            limit = durable.end if first == durable.segment else None
            offset = locate(path, start, limit) if first == segment else 0
            for batch in scan(path, offset, limit):
                if batch.first >= end:
                    return
                yield from batch.records[max(0, start - batch.first) : max(0, end - batch.first)]

    def one(self, index: int) -> bytes:
        """A durable record, also if it is one of those that retention keeps (`keeping/retain.py`).

        Raises:
            RecordGone: retention removed it.
        """
        if index < self.first:
            line = kept_line(self._layout, index)
            if line is not None:
                return line
        return next(iter(self.read(index, 1)))

    def checkpoint(self) -> bytes:
        """The latest signed checkpoint, a signed note; it trails the records by a fraction of a second."""
        return self._signer.checkpoint

    @property
    def size(self) -> int:
        """Number of durable records."""
        return self._writer.durable.size

    @property
    def first(self) -> int:
        """Index of the first record whose content is here: retention may have removed those before it."""
        return first_here(self._layout)

    @property
    def failure(self) -> str:
        """Why the log takes no more records; "" while it does. For health checks."""
        closed = self._queue.closed
        return closed.public if closed else ""

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self._layout.folder

    def release(self) -> None:
        """Sign checkpoints, if the log was opened held."""
        self._signer.release()

    def halt(self, reason: AuditUnavailable) -> None:
        """Append and sign nothing any more in this process; every later caller is given the reason."""
        self._signer.hold()
        self._queue.close(reason)

    def close(self) -> None:
        """Record the closing, sign, release the folder; idempotent. The log is whole without it, too."""
        if not self._queue.closed:
            with suppress(AuditUnavailable):
                self.append(LogRecord(event="closed", size=self.size))
        self._writer.stop()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _occupy(layout: Layout) -> FolderLock:
    try:
        layout.segments_folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        layout.tree_folder.mkdir(exist_ok=True, mode=0o750)
        return FolderLock(layout.lock)
    except OSError as error:
        raise ConfigError(f"the audit log's folder cannot be used: {error}") from None


def _start(
    layout: Layout,
    disk: Disk,
    state: Recovered,
    signing: SigningKey,
    clock: Clock,
    limits: LogLimits,
    *,
    held: bool,
) -> tuple[Writer, Signer, Queue]:
    if state.checkpoint is None:
        # First of all a signed empty tree: from then on records without a checkpoint are an alarm.
        state.checkpoint = Checkpoint(origin=signing.origin, size=0, root=EMPTY_ROOT)
        disk.replace(layout.checkpoint, sign_checkpoint(state.checkpoint, signing.key))
        disk.sync_folder(layout.folder)
    with ExitStack() as undo:
        store = Store(layout, disk, state, origin=signing.origin, segment_bytes_max=limits.segment_bytes_max)
        undo.callback(store.close)
        tree = TreeFiles(layout, disk, state.base, hashes_of(state.parsed))
        undo.callback(tree.close)
        queue = Queue(limits.wait_s_max)
        signer = Signer(layout, disk, tree, signing, signed_size=state.checkpoint.size, held=held)
        signer.offer(state.frontier.size, state.frontier.root(), b"", store.take_closed())
        writer = Writer(store, queue, signer, state, clock)
        signer.start(writer.fail)
        undo.pop_all()
    writer.start()
    return writer, signer, queue
