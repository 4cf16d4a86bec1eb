"""Group commit: who comes while the disk is busy travels together in the next batch."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from copy import copy

from exchange.audit.records.record import Encoded
from exchange.errors import AuditUnavailable, ExchangeError

GROUP_RECORDS_MAX = 4096
GROUP_BYTES_MAX = 8 << 20


class Group:
    """Records that will become durable in one sync, and the people waiting for it.

    Each waits at a lock of its own: at one shared event all would wake into the same queue.
    """

    __slots__ = ("_waiting", "bytes", "error", "first", "items", "settled")

    def __init__(self) -> None:
        self.items: list[Encoded] = []
        self.bytes = 0
        self.settled = False
        self.first = -1
        self._waiting: list[threading.Lock] = []
        self.error: ExchangeError | None = None

    def finish(self, first: int) -> None:
        """It is durable; `first` is the index of its first record."""
        self.first = first
        self._settle()

    def fail(self, error: ExchangeError) -> None:
        """It is not recorded, or nobody knows whether it is."""
        self.error = error
        self._settle()

    def ticket(self) -> threading.Lock:
        """A lock that opens when the group is settled; taken while the group is still open."""
        lock = threading.Lock()
        lock.acquire()
        self._waiting.append(lock)
        return lock

    def _settle(self) -> None:
        self.settled = True
        for lock in self._waiting:
            lock.release()


class Queue:
    """The bounded door to the one writer: one group that fills while another is being written."""

    def __init__(self, wait_s_max: float) -> None:
        self._condition = threading.Condition()
        self._open = Group()
        self._closed: ExchangeError | None = None
        self._wait_s_max = wait_s_max

    def put(self, records: Sequence[Encoded]) -> int:
        """Hand over records that belong together and wait until they are durable; index of the first.

        Raises:
            AuditUnavailable: no room in time, not durable in time, or the log has stopped.
        """
        deadline = time.monotonic() + self._wait_s_max
        size = sum(record.size for record in records)
        with self._condition:
            fits = self._condition.wait_for(
                lambda: self._closed or self._fits(len(records), size), self._wait_s_max
            )
            if self._closed:
                raise copy(self._closed)
            if not fits:
                raise _overloaded()
            group, place = self._open, len(self._open.items)
            group.items.extend(records)
            group.bytes += size
            settled = group.ticket()
            if place == 0:
                self._condition.notify_all()
        if not settled.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise _overloaded()  # it may yet become durable; an access recorded but not given harms nobody
        if group.error is not None:
            raise copy(group.error)  # each caller its own: a shared one would gather all their tracebacks
        return group.first + place

    def take(self, timeout_s: float | None) -> Group | None:
        """The open group once it holds something; None after the time, or when closed and empty."""
        with self._condition:
            self._condition.wait_for(lambda: self._closed or self._open.items, timeout_s)
            if not self._open.items:
                return None
            group, self._open = self._open, Group()
            self._condition.notify_all()
            return group

    def close(self, reason: ExchangeError) -> None:
        """Let nobody in any more; who is in may still be taken."""
        with self._condition:
            self._closed = self._closed or reason
            self._condition.notify_all()

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
