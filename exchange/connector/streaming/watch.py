"""Ends what does not end by itself: stalled readers, streams past their time, calls their consumer left."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import grpc

from exchange.connector.admitted import Admitted
from exchange.connector.streaming.delivery import Delivery
from exchange.errors import AccessRefused, ExchangeError, Unavailable
from exchange.model.clock import Clock
from exchange.model.receipt import Outcome

_log = logging.getLogger(__name__)
SWEEP_S = 0.25
REVOKED_S = 1.0
"""How long a consumer has to take what it was offered, and then the reason, before its call is cancelled."""


class Guard:
    """What the watchdog knows of one call."""

    def __init__(
        self, context: grpc.ServicerContext, delivery: Delivery, admitted: Admitted, clock: Clock
    ) -> None:
        self._context = context
        self._clock = clock
        self._offered_s: float | None = None
        self._cut_at_s: float | None = None
        self.delivery = delivery
        self.ticket = admitted.ticket
        self.until_us = admitted.until_us
        self.cleared = admitted.cleared
        self.gone = False

    def offer(self) -> None:
        """A message is with the transport from now on, until the consumer has room for it."""
        self._offered_s = self._clock.monotonic_s()

    def taken(self) -> None:
        """The transport has taken it."""
        self._offered_s = None

    def overdue(self, stall_s: float) -> ExchangeError | None:
        """Why the stream must end now; None if it need not."""
        if self._clock.now_us() >= self.until_us:
            return _expired()
        if self._cut_at_s is not None and self._clock.monotonic_s() >= self._cut_at_s:
            return _revoked()
        offered_s = self._offered_s
        if offered_s is not None and self._clock.monotonic_s() - offered_s > stall_s:
            return Unavailable("the consumer took nothing for too long", reason="consumer-stalled")
        return None

    def check_time(self) -> None:
        """Stop the delivery once its time is over, however fast its consumer reads."""
        if self._clock.now_us() >= self.until_us:
            self.delivery.stop(_expired())

    def cut(self, why: ExchangeError) -> None:
        """Stop the delivery. A thread that waits for the consumer is woken by cancelling the call."""
        self.delivery.stop(why)
        if self._offered_s is not None:
            self._context.cancel()  # type: ignore[no-untyped-call]  # the stubs leave it untyped

    def revoke(self) -> None:
        """Stop the delivery because policies allow it no more.

        A consumer that reads is told why; one that takes nothing is cut off a moment later.
        """
        self.delivery.stop(_revoked())
        if self._cut_at_s is None:
            self._cut_at_s = self._clock.monotonic_s() + REVOKED_S

    def left(self) -> None:
        """The call is over, however. Runs on gRPC's own thread, so it must not wait for a disk."""
        self.gone = True
        self.delivery.stop(Unavailable("the consumer is gone", reason="consumer-gone"))


class Watchdog:
    """Looks at every running stream a few times a second; `start` gives it a thread."""

    def __init__(self, clock: Clock, stall_s: float) -> None:
        self._clock = clock
        self._stall_s = stall_s
        self._guards: set[Guard] = set()
        self._awaited: dict[grpc.ServicerContext, float] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin to sweep."""
        self._thread.start()

    def close(self) -> None:
        """Stop sweeping; idempotent."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    @contextmanager
    def watching(
        self, context: grpc.ServicerContext, delivery: Delivery, admitted: Admitted
    ) -> Iterator[Guard]:
        """Guard a call while it is served; the delivery has its END on leaving, at the latest."""
        guard = Guard(context, delivery, admitted, self._clock)
        with self._lock:
            self._guards.add(guard)
        if not context.add_callback(guard.left):
            guard.left()
        try:
            yield guard
        finally:
            with self._lock:
                self._guards.discard(guard)

    @contextmanager
    def awaiting(self, context: grpc.ServicerContext) -> Iterator[None]:
        """Cancel the call if its request is not here within the time a consumer may stall."""
        with self._lock:
            self._awaited[context] = self._clock.monotonic_s()
        try:
            yield
        finally:
            with self._lock:
                del self._awaited[context]

    @property
    def running(self) -> int:
        """How many streams are guarded."""
        return len(self._guards)

    @property
    def guards(self) -> tuple[Guard, ...]:
        """The streams that run now."""
        return self._snapshot()

    def cut_all(self, why: ExchangeError) -> None:
        """Stop every stream."""
        for guard in self._snapshot():
            guard.cut(why)

    def sweep(self) -> None:
        """Look at every stream once, and at every call whose request is not here yet."""
        for context in self._overdue_requests():
            context.cancel()  # type: ignore[no-untyped-call]  # the stubs leave it untyped
        for guard in self._snapshot():
            why = guard.overdue(self._stall_s)
            if guard.gone:
                _end(guard.delivery)
            elif why is not None:
                guard.cut(why)

    def _overdue_requests(self) -> tuple[grpc.ServicerContext, ...]:
        since_s = self._clock.monotonic_s() - self._stall_s
        with self._lock:
            return tuple(context for context, at_s in self._awaited.items() if at_s < since_s)

    def _snapshot(self) -> tuple[Guard, ...]:
        with self._lock:
            return tuple(self._guards)

    def _run(self) -> None:
        while not self._stop.wait(SWEEP_S):
            self.sweep()


def _expired() -> Unavailable:
    return Unavailable(
        "the ticket's time for streaming is over", reason="stream-expired", hint="ask for a new ticket"
    )


def _revoked() -> AccessRefused:
    return AccessRefused(
        "the grant was revoked", reason="revoked", hint="what arrived is not the whole answer"
    )


def _end(delivery: Delivery) -> None:
    try:
        delivery.end(Outcome.ABORTED, "consumer-gone")
    except Unavailable as error:
        _log.error("END cannot be recorded yet: %s", error.detail)
