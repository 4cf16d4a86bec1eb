"""The one thread that writes: it alone gives index and time (step 4).

Nothing is acknowledged before fdatasync. When a sync fails nobody can know what is on the disk, so the log
stops for good in this process; the next start reads what is really there (F2).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from exchange.audit.proofs.merkle import leaf_hash
from exchange.audit.records.kinds import LogRecord
from exchange.audit.records.record import Encoded, moment, moment_us
from exchange.audit.storage.group import Group, Queue
from exchange.audit.storage.recovery import Recovered
from exchange.audit.storage.signer import Signer
from exchange.audit.storage.store import DiskFull, Store
from exchange.errors import AuditUnavailable
from exchange.model.clock import Clock

CLOCK_STEP_US = 5_000_000


@dataclass(frozen=True)
class Durable:
    """What readers may see: replaced as a whole after each batch, so that it is always consistent."""

    size: int
    segment: int
    end: int


class Writer:
    """Owns the store from `start` to `stop`."""

    def __init__(self, store: Store, queue: Queue, signer: Signer, state: Recovered, clock: Clock) -> None:
        self._store, self._queue, self._signer, self._clock = store, queue, signer, clock
        self._frontier = state.frontier
        self._last_time = state.last_time
        self._wall_us, self._mono_s = clock.now_us(), clock.monotonic_s()
        if state.last_time and moment_us(state.last_time) - self._wall_us >= CLOCK_STEP_US:
            self._wall_us = moment_us(state.last_time)  # set back between two lives: the first batch says so
        self._failure: AuditUnavailable | None = None
        self.durable = Durable(state.frontier.size, store.segment, store.offset)
        self._thread = threading.Thread(target=self._run, name="audit-writer", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Write what was handed over, have it signed, end; idempotent."""
        self._queue.close(AuditUnavailable("the audit log is closed"))
        if self._thread.is_alive():
            self._thread.join()
        self._signer.stop(abandon=self._failure is not None)

    def fail(self, error: BaseException) -> None:
        """The disk failed, here or where signing is done: take nothing more, for good."""
        self._failure = AuditUnavailable(
            "nothing can be recorded, so nothing is answered",
            hint="the disk of the audit log failed; check it, then start the broker again",
            detail=str(error) if isinstance(error, OSError) else repr(error),
        )
        self._queue.close(self._failure)

    def _run(self) -> None:
        group: Group | None = None
        try:
            while (group := self._queue.take()) is not None:
                if self._failure is not None:
                    break
                self._commit(group)
            if self._failure is None:
                self._store.settle()
        except OSError as error:
            self.fail(error)
        except BaseException as error:
            # A defect here must not leave callers waiting, nor the log half alive.
            self.fail(error)
            raise
        finally:
            if self._failure is not None:
                self._signer.stop(abandon=True)
            self._refuse(group)
            self._store.close()

    def _commit(self, group: Group) -> None:
        """(4) Index, time, tree, disk; then, and only then, the answer."""
        if not self._signer.has_room:
            group.fail(AuditUnavailable("the audit log cannot be signed", hint="look at the log's disk"))
            return
        now = self._clock.now_us(), self._clock.monotonic_s()
        alarm = self._clock_alarm(*now)
        items = [*alarm, *group.items]
        stamp = max(self._last_time, moment(now[0]))
        first, encoded_time = self._frontier.size, stamp.encode()
        records = [item.line(first + place, encoded_time) for place, item in enumerate(items)]
        hashes = [leaf_hash(record) for record in records]
        grown = self._frontier.copy()
        grown.extend(hashes)
        try:
            self._store.append(records)
        except DiskFull as error:
            group.fail(error)
            return
        root = grown.root()
        self._frontier, self._last_time = grown, stamp
        self._wall_us, self._mono_s = (
            now  # only once an alarm is on record: it must not get lost on a full disk
        )
        self._store.commit(root)
        self.durable = Durable(grown.size, self._store.segment, self._store.offset)
        group.finish(first + len(alarm))
        self._signer.offer(grown.size, root, b"".join(hashes), self._store.take_closed())

    def _clock_alarm(self, wall_us: int, mono_s: float) -> list[Encoded]:
        """A record of its own when the wall clock jumped against the steady one since the last batch (F9)."""
        step_us = (wall_us - self._wall_us) - round((mono_s - self._mono_s) * 1_000_000)
        if abs(step_us) < CLOCK_STEP_US:
            return []
        return [LogRecord(event="clock-step", size=self._frontier.size, step_us=step_us).encode()]

    def _refuse(self, group: Group | None) -> None:
        """Whoever still waits is told why; nobody is let in any more."""
        while group is not None:
            if self._failure is not None and not group.settled:
                group.fail(self._failure)
            group = self._queue.take()
