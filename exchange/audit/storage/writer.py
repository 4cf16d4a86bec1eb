"""The one thread that writes: it alone gives index and time, and it alone signs (step 4).

Nothing is acknowledged before fdatasync. When a sync fails nobody can know what is on the disk, so the log
stops for good in this process; the next start reads what is really there (F2).
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exchange.audit.proofs.checkpoint import Checkpoint, sign_checkpoint
from exchange.audit.proofs.merkle import leaf_hash
from exchange.audit.records.kinds import LogRecord
from exchange.audit.records.record import Encoded, moment
from exchange.audit.storage.disk import Disk
from exchange.audit.storage.group import Group, Queue
from exchange.audit.storage.layout import Layout
from exchange.audit.storage.recovery import Recovered
from exchange.audit.storage.store import DiskFull, Store
from exchange.errors import AuditUnavailable
from exchange.model.clock import Clock

CLOCK_STEP_US = 5_000_000
HELD_S = 0.1
"""How often a writer that may not sign looks whether it may again."""


@dataclass(frozen=True)
class Durable:
    """What readers may see: replaced as a whole after each batch, so that it is always consistent."""

    size: int
    segment: int
    end: int
    checkpoint: bytes


@dataclass(frozen=True)
class Signer:
    """Under which name, with which key and how often, at most, checkpoints are signed."""

    origin: str
    key: Ed25519PrivateKey
    every_s: float


class Writer:
    """Owns the store from `start` to `stop`."""

    def __init__(
        self,
        layout: Layout,
        disk: Disk,
        store: Store,
        queue: Queue,
        state: Recovered,
        *,
        signer: Signer,
        clock: Clock,
        held: bool = False,
    ) -> None:
        self._layout, self._disk, self._store, self._queue = layout, disk, store, queue
        self._signer, self._clock = signer, clock
        self._frontier = state.frontier
        self._signed_size = state.checkpoint.size if state.checkpoint else -1
        self._last_time = state.last_time
        self._wall_us, self._mono_s = clock.now_us(), clock.monotonic_s()
        self._due = 0.0
        self._held = held
        self.durable = Durable(
            state.frontier.size, store.segment, store.committed_end, layout.checkpoint.read_bytes()
        )
        self._thread = threading.Thread(target=self._run, name="audit-writer", daemon=True)

    def start(self) -> None:
        """Sign what is there, and begin.

        Raises:
            OSError: the disk failed.
        """
        self._sign_when_there_is_space()
        self._thread.start()

    def stop(self) -> None:
        """Write what was handed over, sign it, end; idempotent."""
        self._queue.close(AuditUnavailable("the audit log is closed"))
        if self._thread.is_alive():
            self._thread.join()

    def hold(self) -> None:
        """Sign nothing from now on."""
        self._held = True

    def release(self) -> None:
        """Sign again; what is unsigned is, within a moment."""
        self._held = False

    def _run(self) -> None:
        group: Group | None = None
        try:
            while True:
                group = self._queue.take(self._patience_s())
                if group is not None:
                    self._commit(group)
                elif self._queue.closed:
                    break
                if self._is_due():
                    self._sign_when_there_is_space()
            self._sign_when_there_is_space()
        except OSError as error:
            self._fail(group, str(error))
        except BaseException as error:
            # A defect here must not leave callers waiting, nor the log half alive.
            self._fail(group, repr(error))
            raise
        finally:
            self._store.close()

    def _commit(self, group: Group) -> None:
        """(4) Index, time, tree, disk; then, and only then, the answer."""
        alarm = self._clock_alarm()
        items = [*alarm, *group.items]
        stamp = max(self._last_time, moment(self._clock.now_us()))
        first, encoded_time = self._frontier.size, stamp.encode()
        records = [item.line(first + place, encoded_time) for place, item in enumerate(items)]
        hashes = [leaf_hash(record) for record in records]
        grown = self._frontier.copy()
        grown.extend(hashes)
        try:
            self._store.append(records, hashes)
        except DiskFull as error:
            group.fail(error)
            return
        self._frontier, self._last_time = grown, stamp
        self._store.commit(grown.root())
        self._publish(self.durable.checkpoint)
        group.finish(first + len(alarm))

    def _clock_alarm(self) -> list[Encoded]:
        """A record of its own when the wall clock jumped against the steady one since the last batch (F9)."""
        wall_us, mono_s = self._clock.now_us(), self._clock.monotonic_s()
        step_us = (wall_us - self._wall_us) - round((mono_s - self._mono_s) * 1_000_000)
        self._wall_us, self._mono_s = wall_us, mono_s
        if abs(step_us) < CLOCK_STEP_US:
            return []
        return [LogRecord(event="clock-step", size=self._frontier.size, step_us=step_us).encode()]

    def _sign_when_there_is_space(self) -> None:
        try:
            self._sign()
        except DiskFull:
            self._due = time.monotonic() + max(self._signer.every_s, 0.05)

    def _sign(self) -> None:
        """Sign the tree as it stands. Sizes only grow: below what was signed nothing is ever signed again."""
        if self._held or self._frontier.size <= self._signed_size:
            return
        self._store.settle()
        checkpoint = Checkpoint(
            origin=self._signer.origin, size=self._frontier.size, root=self._frontier.root()
        )
        note = sign_checkpoint(checkpoint, self._signer.key)
        self._store.guard_space(lambda: self._disk.replace(self._layout.checkpoint, note))
        self._signed_size = checkpoint.size
        self._due = time.monotonic() + self._signer.every_s
        self._publish(note)

    def _publish(self, checkpoint: bytes) -> None:
        store = self._store
        self.durable = Durable(self._frontier.size, store.segment, store.committed_end, checkpoint)

    # Pacing uses the machine's own steady clock: a simulated one that stands still must not stop signing.
    def _is_due(self) -> bool:
        return not self._held and self._frontier.size > self._signed_size and time.monotonic() >= self._due

    def _patience_s(self) -> float | None:
        if self._frontier.size <= self._signed_size:
            return None
        return HELD_S if self._held else max(0.0, self._due - time.monotonic())

    def _fail(self, group: Group | None, detail: str) -> None:
        error = AuditUnavailable(
            "nothing can be recorded, so nothing is answered",
            hint="the disk of the audit log failed; check it, then start the broker again",
            detail=detail,
        )
        self._queue.close(error)
        while group is not None:
            if not group.settled:
                group.fail(error)
            group = self._queue.take(0)
