"""The consumer's half of step 10: a signed account of every read reaches the log, sooner or later."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from exchange.client.spool import Spool
from exchange.errors import ExchangeError
from exchange.model.receipt import Receipt

ATTEMPTS = 2
_log = logging.getLogger("exchange.client")

Submit = Callable[[Sequence[Receipt]], Sequence[str]]
"""Hands receipts to the broker; one answer each, "" where it was recorded, else why it was refused."""


class Postbox:
    """Delivers receipts; a failure is logged and never costs the consumer its data.

    Args:
        submit: to the broker.
        spool: where receipts wait; None to log only.
    """

    def __init__(self, submit: Submit, spool: Spool | None) -> None:
        self._submit = submit
        self._spool = spool

    def deliver(self, ticket: str, receipt: Receipt) -> bool:
        """Whether the broker recorded it; otherwise it waits in the spool, or the log names it."""
        try:
            (refused,) = self._send([receipt])
        except ExchangeError as error:
            self._keep(ticket, receipt, error)
            return False
        if refused:
            _log.warning("the broker refused the receipt of %s: %s", ticket, refused)
        return not refused

    def flush(self) -> None:
        """Deliver what waits; what the broker refuses for good is not sent again."""
        waiting = self._spool.waiting() if self._spool else {}
        if not waiting:
            return
        try:
            answers = self._send(list(waiting.values()))
        except ExchangeError as error:
            _log.warning("%d receipts still wait: %s", len(waiting), error.public)
            return
        for path, refused in zip(waiting, answers, strict=True):
            if refused:
                _log.warning("the broker refused the receipt of %s: %s", path.stem, refused)
            Spool.drop(path)

    def _send(self, receipts: Sequence[Receipt]) -> Sequence[str]:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._submit(receipts)
            except ExchangeError as error:
                if attempt == ATTEMPTS or not error.retryable:
                    raise
        raise AssertionError("unreachable")

    def _keep(self, ticket: str, receipt: Receipt, error: ExchangeError) -> None:
        if self._spool is not None:
            try:
                self._spool.put(ticket, receipt)
            except ExchangeError as failure:
                error = failure
            else:
                _log.warning("the receipt of %s waits until the broker can take it: %s", ticket, error.public)
                return
        _log.warning("the receipt of %s was not delivered: %s", ticket, error.public)
