"""What this connector says of its streams, signed in its name and durable before anything relies on it."""

from __future__ import annotations

import hashlib
import logging
import threading

from exchange.connector.records.journal import Journal
from exchange.errors import ExchangeError, Unavailable
from exchange.model.clock import Clock
from exchange.model.receipt import End, Outcome, Receipt, Refusal, Start
from exchange.model.ticket import Ticket
from exchange.security.signing import Signer

_log = logging.getLogger(__name__)


class Ledger:
    """START, END and refusals of one connector; used from many threads.

    Args:
        journal: where they become durable.
        signer: signs with the connector's identity key.
        connector: its SPIFFE id.
        clock: dates the statements.
    """

    def __init__(self, journal: Journal, signer: Signer, connector: str, clock: Clock) -> None:
        self._journal = journal
        self._signer = signer
        self._connector = connector
        self._clock = clock
        self._late: list[tuple[str, Receipt]] = []
        self._lock = threading.Lock()

    def start(self, ticket: Ticket) -> int:
        """(6) Use the ticket up and record START; returns when that was, in unix microseconds.

        Raises:
            TicketRefused: `ticket-used`.
            Unavailable: it cannot be recorded, so nothing may be delivered.
        """
        at_us = self._clock.now_us()
        statement = Start(
            ticket=ticket.id,
            connector=self._connector,
            subject=ticket.subject,
            dataset=ticket.dataset,
            at_us=at_us,
        )
        self._journal.admit(ticket, self._signer.sign(statement))
        return at_us

    def end(
        self,
        ticket_id: str,
        *,
        rows: int,
        size: int,
        batches: int,
        digest: str,
        outcome: Outcome,
        reason: str,
        started_us: int,
    ) -> Receipt:
        """(9) Record how a stream ended.

        Raises:
            Unavailable: it cannot be recorded. It is kept and tried again, but then as failed: the consumer
                must not be shown a trailer that nothing vouches for.
        """
        statement = End(
            ticket=ticket_id,
            connector=self._connector,
            rows=rows,
            bytes=size,
            batches=batches,
            digest=digest,
            outcome=outcome,
            reason=reason,
            started_us=started_us,
            ended_us=max(started_us, self._clock.now_us()),
        )
        receipt = self._signer.sign(statement)
        try:
            self._journal.finish(ticket_id, receipt)
        except Unavailable as error:
            complete = outcome is Outcome.COMPLETE
            failed = {"outcome": Outcome.FAILED, "reason": error.stable_reason} if complete else {}
            # Bounded by the streams that can run: none is admitted while nothing can be recorded.
            with self._lock:
                self._late.append((ticket_id, self._signer.sign(statement.model_copy(update=failed))))
            raise
        return receipt

    def refuse(self, error: ExchangeError, *, call: str, subject: str) -> None:
        """Record that a call was refused, and give the error the id under which that is found.

        The id is the ticket's if its signature held; otherwise the beginning of the statement's SHA-256,
        which anyone who holds the log can compute.

        Raises:
            Unavailable: it cannot be recorded.
        """
        receipt = self._signer.sign(
            Refusal(
                ticket=error.id,
                connector=self._connector,
                subject=subject,
                call=call,
                reason=error.stable_reason,
                at_us=self._clock.now_us(),
            )
        )
        self._journal.refuse(receipt)
        error.id = error.id or hashlib.sha256(receipt.statement.encode()).hexdigest()[:32]

    def recover(self) -> int:
        """Record END for streams whose process died; how many there were.

        What they had sent died with the process, so their END counts nothing and has no digest; the
        consumer's own receipt tells how much arrived.

        Raises:
            Unavailable: it cannot be recorded.
        """
        abandoned = self._journal.abandoned()
        for ticket_id, started_us in abandoned:
            self.end(
                ticket_id,
                rows=0,
                size=0,
                batches=0,
                digest="",
                outcome=Outcome.ABORTED,
                reason="connector-restarted",
                started_us=started_us,
            )
        return len(abandoned)

    def retry(self) -> None:
        """Record what could not be recorded before; quiet while it still cannot."""
        with self._lock:
            late, self._late = self._late, []
        for position, (ticket_id, receipt) in enumerate(late):
            try:
                self._journal.finish(ticket_id, receipt)
            except Unavailable as error:
                _log.error("the journal is still unavailable: %s", error.detail)
                with self._lock:
                    self._late += late[position:]
                return
