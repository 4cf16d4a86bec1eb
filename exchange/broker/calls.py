"""Who may keep the broker's threads busy, and for how long: nobody can take them all (T66).

A call holds a thread from its first step to its last. So one department's calls together never hold every
thread, however many identities it issues to itself, and a caller that neither sends what it announced nor
takes what it asked for is cut off.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc

from exchange.errors import LimitReached, RequestInvalid
from exchange.model.clock import Clock

STALL_S_MAX = 10.0
"""A caller that keeps us waiting for longer than this, for a message or for room to send one, is cut off."""
SWEEP_S = 0.5


class Places:
    """Counts the calls that run; used from many threads.

    Args:
        workers: threads of the server. A department holds at most three quarters of them.
    """

    def __init__(self, workers: int) -> None:
        self.per_department_max = max(1, workers * 3 // 4)
        self._running: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def one(self, department: str) -> Iterator[None]:
        """A place for one call.

        Raises:
            LimitReached: the department's calls hold as many threads as they may.
        """
        with self._lock:
            if self._running[department] >= self.per_department_max:
                raise LimitReached("your department has too many calls at once", hint="try again later")
            self._running[department] += 1
        try:
            yield
        finally:
            with self._lock:
                self._running[department] -= 1
                if not self._running[department]:
                    del self._running[department]


class Patience:
    """Cancels calls whose other side keeps us waiting; `start` gives it a thread."""

    def __init__(self, clock: Clock, stall_s: float = STALL_S_MAX) -> None:
        self._clock = clock
        self._stall_s = stall_s
        self._waiting: dict[grpc.ServicerContext, float] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="patience", daemon=True)

    def start(self) -> None:
        """Begin to sweep."""
        self._thread.start()

    def close(self) -> None:
        """Stop sweeping; idempotent."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def received(self, requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        """The caller's messages, each waited for only so long."""
        while True:
            with self._awaiting(context):
                try:
                    request = next(requests, None)
                except grpc.RpcError:
                    return
            if request is None:
                return
            yield request

    def sent(self, answers: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        """The same answers; each must be taken within so long."""
        for answer in answers:
            with self._awaiting(context):
                yield answer

    def sweep(self) -> None:
        """Cancel every call that kept us waiting for too long."""
        since_s = self._clock.monotonic_s() - self._stall_s
        with self._lock:
            overdue = [context for context, at_s in self._waiting.items() if at_s < since_s]
        for context in overdue:
            context.cancel()  # type: ignore[no-untyped-call]  # the stubs leave it untyped

    @contextmanager
    def _awaiting(self, context: grpc.ServicerContext) -> Iterator[None]:
        with self._lock:
            self._waiting[context] = self._clock.monotonic_s()
        try:
            yield
        finally:
            with self._lock:
                del self._waiting[context]

    def _run(self) -> None:
        while not self._stop.wait(SWEEP_S):
            self.sweep()


def only(requests: Iterator[Any]) -> Any:
    """The one message of a call that has one.

    Raises:
        RequestInvalid: the call ended before it was here: too late, too large, left, or without one.
    """
    request = next(requests, None)
    if request is None:
        raise RequestInvalid("the call ended before its request arrived", reason="request-missing")
    return request
