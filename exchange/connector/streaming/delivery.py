"""One delivery: what was handed to the transport so far, and the one END it gets."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable

from exchange.connector.admitted import Admitted
from exchange.connector.records.ledger import Ledger
from exchange.errors import ExchangeError, Unavailable
from exchange.model.receipt import Outcome, Receipt
from exchange.wire.flight import Data


class Delivery:
    """Counts and digests what leaves for one ticket, until exactly one caller ends it.

    The generator, the watchdog and the call's own end may all want to end it; the first one does. After that
    nothing can be counted, so nothing can leave.
    """

    def __init__(self, admitted: Admitted, ledger: Ledger) -> None:
        self._ticket_id = admitted.ticket.id
        self._started_us = admitted.started_us
        self._ledger = ledger
        self._lock = threading.Lock()
        self._sha256 = hashlib.sha256()
        self._size = self._batches = 0
        self._ended = False
        self._stopped: ExchangeError | None = None
        self._wake: Callable[[], None] = lambda: None
        self.rows = 0

    def count(self, data: Data, rows: int) -> None:
        """Account for a batch that is about to be handed over; only then may it be.

        Raises:
            ExchangeError: the delivery was stopped or has ended.
        """
        with self._lock:
            self._check()
            self._sha256.update(data.header)
            self._sha256.update(data.body)
            self._size += len(data.header) + len(data.body)
            self._batches += 1
            self.rows += rows

    def when_stopped(self, wake: Callable[[], None]) -> None:
        """Call this once the delivery is stopped, so that nobody waits for a source meanwhile."""
        with self._lock:
            self._wake, already = wake, self._stopped is not None
        if already:
            wake()

    def stop(self, why: ExchangeError) -> None:
        """Let nothing more leave; the first reason stands. Does not record END yet."""
        with self._lock:
            self._stopped = self._stopped or why
            wake = self._wake
        wake()

    def end(self, outcome: Outcome, reason: str = "") -> Receipt | None:
        """(9) Record END with what was handed over; None if somebody else has done so.

        A delivery that was stopped ends as aborted for the reason of the stop, whatever is asked for here.

        Raises:
            Unavailable: it cannot be recorded now; the ledger will try again.
        """
        with self._lock:
            if self._ended:
                return None
            self._ended = True
            if self._stopped is not None:
                outcome, reason = Outcome.ABORTED, self._stopped.stable_reason
            digest = self._sha256.hexdigest()
        return self._ledger.end(
            self._ticket_id,
            rows=self.rows,
            size=self._size,
            batches=self._batches,
            digest=digest,
            outcome=outcome,
            reason=reason,
            started_us=self._started_us,
        )

    def complete(self, reason: str = "") -> Receipt:
        """(9) Record END as complete and return it for the trailer.

        Raises:
            ExchangeError: the delivery was stopped or ended meanwhile, or END cannot be recorded; there must
                be no trailer then.
        """
        receipt = self.end(Outcome.COMPLETE, reason)
        self.check_not_stopped()
        if receipt is None:
            raise Unavailable("the stream was ended", reason="stream-ended")
        return receipt

    def check_not_stopped(self) -> None:
        """Raise what stopped the delivery, if something did."""
        with self._lock:
            if self._stopped is not None:
                raise self._stopped

    def _check(self) -> None:
        if self._stopped is not None:
            raise self._stopped
        if self._ended:
            raise Unavailable("the stream was ended", reason="stream-ended")
