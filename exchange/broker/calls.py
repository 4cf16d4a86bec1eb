"""Who may keep the broker's threads waiting, and for how long: nobody can take them all (T66).

A call holds a thread from its first step to its last. One at work is done in milliseconds; one whose caller
neither sends what it announced nor takes what it asked for would hold its thread without end. So such callers
are cut off, and one department's together, however many identities it issues to itself, hold only a part of
the threads. A single answer waits for its taker in no thread, but in memory: it counts just so.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc

from exchange.errors import LimitReached, RequestInvalid
from exchange.model.clock import Clock

STALL_S_MAX = 10.0
"""A caller that keeps us waiting for longer than this, for a message or for room to send one, is cut off."""
SILENT_S = 0.25
"""From then on a caller that keeps us waiting counts against its department."""
SWEEP_S = 0.1


class Patience:
    """Waits for callers, and cuts off those that take too long; `start` gives it a thread.

    Args:
        clock: only its steady part.
        workers: threads of the server. Silent callers of a department hold at most three quarters of them.
    """

    def __init__(self, clock: Clock, workers: int) -> None:
        self.silent_max = max(1, workers * 3 // 4)
        self._clock = clock
        self._waiting: dict[grpc.ServicerContext, tuple[str, float]] = {}
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

    def check(self, department: str) -> None:
        """Refuse one more call while silent ones of the department hold all the threads they may.

        Raises:
            LimitReached: they do.
        """
        if len(self._silent().get(department, ())) >= self.silent_max:
            raise LimitReached("your department has too many unfinished calls", hint="try again later")

    def received(
        self, requests: Iterator[Any], context: grpc.ServicerContext, department: str
    ) -> Iterator[Any]:
        """The caller's messages, each waited for only so long."""
        while True:
            with self._awaiting(context, department):
                try:
                    request = next(requests, None)
                except grpc.RpcError:
                    return
            if request is None:
                return
            yield request

    def sent(self, answers: Iterator[Any], context: grpc.ServicerContext, department: str) -> Iterator[Any]:
        """The same answers; each must be taken within so long."""
        for answer in answers:
            with self._awaiting(context, department):
                yield answer

    def answered(self, context: grpc.ServicerContext, department: str) -> None:
        """The call's one answer is on its way; until it is taken, or its caller gone, it is waited for."""
        with self._lock:
            self._waiting[context] = (department, self._clock.monotonic_s())
        if not context.add_callback(lambda: self._ended(context)):
            self._ended(context)

    def _ended(self, context: grpc.ServicerContext) -> None:
        with self._lock:
            self._waiting.pop(context, None)

    def sweep(self) -> None:
        """Cancel every call that kept us waiting for too long, and what is one too many of a department."""
        now_s = self._clock.monotonic_s()
        for silent in self._silent().values():
            beyond = len(silent) - self.silent_max
            for place, (since_s, context) in enumerate(silent):
                if place < beyond or now_s - since_s > STALL_S_MAX:
                    context.cancel()  # type: ignore[no-untyped-call]  # the stubs leave it untyped

    def _silent(self) -> dict[str, list[tuple[float, grpc.ServicerContext]]]:
        """By department, the calls whose callers are silent, the longest first."""
        until_s = self._clock.monotonic_s() - SILENT_S
        found: dict[str, list[tuple[float, grpc.ServicerContext]]] = {}
        with self._lock:
            # in the order in which they began to wait
            for context, (department, since_s) in self._waiting.items():
                if since_s < until_s:
                    found.setdefault(department, []).append((since_s, context))
        return found

    @contextmanager
    def _awaiting(self, context: grpc.ServicerContext, department: str) -> Iterator[None]:
        with self._lock:
            self._waiting[context] = (department, self._clock.monotonic_s())
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
