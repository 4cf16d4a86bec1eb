"""Step 10: hands the connector's statements to the broker, in order, until each is recorded."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence

from exchange.connector.records.journal import Journal
from exchange.connector.records.ledger import Ledger
from exchange.connector.uplink.link import BrokerLink
from exchange.errors import RequestInvalid
from exchange.model.receipt import Receipt
from exchange.wire import clients

_log = logging.getLogger(__name__)

BATCH_MAX = 100
CALL_S_MAX = 10.0
IDLE_S = 0.25


class Reporter:
    """Ships the outbox at least once; a statement leaves it only when the broker answered for it (F10)."""

    def __init__(self, link: BrokerLink, journal: Journal, ledger: Ledger) -> None:
        self._link = link
        self._journal = journal
        self._ledger = ledger

    def step(self) -> float:
        """Ship one batch; the seconds until the next one.

        Raises:
            ExchangeError: the broker cannot be reached; everything waits on disk.
        """
        self._ledger.retry()
        pending = self._journal.pending(BATCH_MAX)
        if not pending:
            return IDLE_S
        try:
            self._ship(pending)
        except RequestInvalid:
            # The broker refuses the call as a whole: find out which statement it is.
            for item in pending:
                self._ship_alone(item)
        return 0.0 if len(pending) == BATCH_MAX else IDLE_S

    def flush(self) -> None:
        """Ship all there is.

        Raises:
            ExchangeError: the broker cannot be reached; the rest waits on disk for the next start.
        """
        while self._journal.pending(1):
            self.step()

    def _ship(self, items: Sequence[tuple[int, Receipt]]) -> None:
        receipts = [receipt for _, receipt in items]
        answers = self._link.call(
            lambda channel: clients.record_receipts(channel, receipts, timeout_s=CALL_S_MAX)
        )
        answered = list(zip(items, answers, strict=True))
        refused = [(seq, answer.refused) for (seq, _), answer in answered if answer.refused]
        recorded = [seq for (seq, _), answer in answered if not answer.refused]
        to_prove = [
            (answer.audit_index, digest_of(receipt))
            for (_, receipt), answer in answered
            if not answer.refused
        ]
        self._settle(recorded, refused, to_prove)

    def _ship_alone(self, item: tuple[int, Receipt]) -> None:
        try:
            self._ship([item])
        except RequestInvalid as error:
            self._settle([], [(item[0], error.stable_reason)])

    def _settle(
        self, recorded: list[int], refused: list[tuple[int, str]], to_prove: Sequence[tuple[int, str]] = ()
    ) -> None:
        for seq, why in refused:
            _log.error(
                "the broker does not record statement %d: %s; it is kept aside in the journal", seq, why
            )
        self._journal.settle(recorded, refused, to_prove)


def digest_of(receipt: Receipt) -> str:
    """SHA-256 (hex) of the statement."""
    return hashlib.sha256(receipt.statement.encode()).hexdigest()
