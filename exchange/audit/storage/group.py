"""Group commit: who comes while the disk is busy travels together in the next batch."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from copy import copy

from exchange.audit.records.record import Encoded
from exchange.errors import AuditUnavailable, ExchangeError

GROUP_RECORDS_MAX = 4096
GROUP_BYTES_MAX = 8 << 20
WOKEN_AT_ONCE = 2
_LOG = logging.getLogger(__name__)


class Group:
    """Records that will become durable in one sync, and the people waiting for it.

    Each waits at a lock of its own, and few are woken at once: whoever wakes wakes the next. All of them
    woken together would only queue for the interpreter, and the writer behind them.
    """

    __slots__ = ("_acts", "_guard", "_sleepers", "bytes", "error", "first", "items", "settled")

    def __init__(self) -> None:
        self.items: list[Encoded] = []
        self.bytes = 0
        self.settled = False
        self.first = -1
        self.error: ExchangeError | None = None
        self._acts: list[Callable[[], None]] = []
        self._sleepers: list[threading.Lock] = []
        self._guard = threading.Lock()

    def finish(self, first: int) -> None:
        """It is durable; `first` is the index of its first record."""
        self.first = first
        self._settle()

    def fail(self, error: ExchangeError) -> None:
        """It is not recorded, or nobody knows whether it is."""
        self.error = error
        self._settle()

    def when_settled(self, act: Callable[[], None]) -> None:
        """Do that once, by the thread that settles the group, or here if that has happened."""
        with self._guard:
            if not self.settled:
                self._acts.append(act)
                return
        act()

    def wait(self, timeout_s: float | None) -> bool:
        """Sleep until it is settled; whether it was in time."""
        lock = threading.Lock()
        lock.acquire()
        with self._guard:
            if self.settled:
                return True
            self._sleepers.append(lock)
        woken = False
        try:
            woken = lock.acquire(timeout=-1 if timeout_s is None else max(0.0, timeout_s))
        finally:
            # Whatever ended the sleep: if somebody woke this one, the next relies on being woken by it.
            if woken or not self._gives_up(lock):
                self._wake_next()
        return self.settled

    def _settle(self) -> None:
        with self._guard:
            self.settled = True
        for _ in range(WOKEN_AT_ONCE):
            self._wake_next()
        for act in self._acts:
            try:
                act()
            except Exception:  # noqa: BLE001 - what a caller wants done afterwards must never stop the writer
                _LOG.exception("a callback behind an audit record failed")

    def _wake_next(self) -> None:
        with self._guard:
            if self._sleepers:
                self._sleepers.pop().release()

    def _gives_up(self, lock: threading.Lock) -> bool:
        with self._guard:
            if lock not in self._sleepers:
                return False
            self._sleepers.remove(lock)
            return True


class Pending:
    """Records on their way: durable once `result` says so, and not before."""

    __slots__ = ("_group", "_place")

    def __init__(self, group: Group, place: int) -> None:
        self._group, self._place = group, place

    def done(self) -> bool:
        """Whether it is settled, for better or worse."""
        return self._group.settled

    def result(self, timeout_s: float | None = None) -> int:
        """Wait; the index of the first record.

        Raises:
            AuditUnavailable: not recorded, or nobody knows, or not in time (then it may yet become so).
        """
        group = self._group
        if not group.settled and not group.wait(timeout_s):
            raise _overloaded()  # an access recorded but not given harms nobody
        if group.error is not None:
            raise copy(group.error)  # each caller its own: a shared one would gather all their tracebacks
        return group.first + self._place

    def add_done_callback(self, act: Callable[[Pending], None]) -> None:
        """Call that once it is settled: by the log's writer, so be short and never wait; or at once."""
        self._group.when_settled(lambda: act(self))


class Queue:
    """The bounded door to the one writer: one group that fills while another is being written."""

    def __init__(self, wait_s_max: float) -> None:
        self._guard = threading.Lock()
        self._room = threading.Condition(self._guard)
        self._work = threading.Condition(self._guard)
        self._open = Group()
        self._closed: ExchangeError | None = None
        self._wait_s_max = wait_s_max

    def put(self, records: Sequence[Encoded]) -> int:
        """Hand over records that belong together and wait until they are durable; index of the first.

        Raises:
            AuditUnavailable: no room in time, not durable in time, or the log has stopped.
        """
        deadline = time.monotonic() + self._wait_s_max
        return self.submit(records).result(deadline - time.monotonic())

    def submit(self, records: Sequence[Encoded]) -> Pending:
        """Hand over records that belong together; waits only while there is no room.

        Raises:
            AuditUnavailable: no room in time, or the log has stopped.
        """
        size = sum([record.size for record in records])
        with self._guard:
            if not self._fits(len(records), size) and not self._closed:
                self._room.wait_for(lambda: self._closed or self._fits(len(records), size), self._wait_s_max)
                if not self._closed and not self._fits(len(records), size):
                    raise _overloaded()
            if self._closed:
                raise copy(self._closed)
            group, place = self._open, len(self._open.items)
            group.items.extend(records)
            group.bytes += size
            if place == 0:
                self._work.notify()
        return Pending(group, place)

    def take(self) -> Group | None:
        """The open group once it holds something; None when closed and empty."""
        with self._guard:
            while not self._open.items:
                if self._closed:
                    return None
                self._work.wait()
            group, self._open = self._open, Group()
            self._room.notify_all()
            return group

    def close(self, reason: ExchangeError) -> None:
        """Let nobody in any more; who is in may still be taken."""
        with self._guard:
            self._closed = self._closed or reason
            self._room.notify_all()
            self._work.notify_all()

    @property
    def closed(self) -> ExchangeError | None:
        """Why nobody is let in; None while the door is open."""
        return self._closed

    def _fits(self, count: int, size: int) -> bool:
        group = self._open
        if not group.items:
            return True
        return len(group.items) + count <= GROUP_RECORDS_MAX and group.bytes + size <= GROUP_BYTES_MAX


def in_parts(records: Sequence[Encoded]) -> Iterator[list[Encoded]]:
    """The records in parts that each fit a group beside those of others."""
    part: list[Encoded] = []
    size = 0
    for record in records:
        if len(part) >= GROUP_RECORDS_MAX // 4 or size + record.size > GROUP_BYTES_MAX // 4:
            yield part
            part, size = [], 0
        part.append(record)
        size += record.size
    if part:
        yield part


def _overloaded() -> AuditUnavailable:
    return AuditUnavailable("the audit log is busier than its disk allows", hint="try again in a moment")
