"""Asks the broker whether what it allowed still stands, so that a revocation arrives within seconds."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import grpc

from exchange.connector.records.journal import Journal
from exchange.connector.streaming.watch import Guard, Watchdog
from exchange.connector.uplink.link import BrokerLink
from exchange.errors import AccessRefused, ExchangeError, Unavailable
from exchange.model.ticket import Ticket
from exchange.wire import clients
from exchange.wire.clients import Reviewed

_log = logging.getLogger(__name__)

PAUSE_S = 1.0
"""Between two questions; a running stream must end within 5 s of its revocation."""

CALL_S_MAX = 2.0
BATCH_MAX = 64
BATCH_BYTES_MAX = 1 << 20


class Reviewer:
    """Knows the revision in force, and holds every older ticket and stream against it.

    The broker judges; here nothing is decided. While it cannot be reached, streams go on until their tickets'
    time is over (F10), and tickets older than the newest revision heard of are not admitted.

    Args:
        link: to the broker.
        journal: remembers the revision, so that a restart does not forget that policies changed.
        watchdog: knows the running streams, and ends them.
    """

    def __init__(self, link: BrokerLink, journal: Journal, watchdog: Watchdog) -> None:
        self._link = link
        self._journal = journal
        self._watchdog = watchdog
        self._known = journal.revision()
        self._quiet = False

    @property
    def known(self) -> int:
        """The policy revision that the broker named last; 0 before it named any."""
        return self._known

    def check(self, ticket: Ticket) -> int:
        """(6) The newest revision that is known to allow the ticket; asks only where a newer one is in force.

        Raises:
            AccessRefused: `revoked`.
            Unavailable: the broker cannot be asked.
        """
        if ticket.revision >= self._known:
            return ticket.revision
        try:
            answer = self._ask([ticket])
        except ExchangeError as error:
            raise Unavailable(
                "policies changed since the ticket was issued, and the broker cannot be asked about it",
                hint="ask for a new ticket",
                detail=error.detail or error.public,
            ) from None
        if ticket.id in answer.revoked:
            raise AccessRefused("the grant was revoked", reason="revoked", hint="ask for a new ticket")
        return answer.revision

    def step(self) -> float:
        """Ask once, end what is revoked; the seconds until the next question."""
        try:
            self._review([])
            # the answer's revision may be newer than streams that were cleared before
            for batch in _batches(self._older()):
                self._review(batch)
        except ExchangeError as error:
            if not self._quiet:
                _log.warning("revocations cannot be asked for: %s; trying on", error.public)
            self._quiet = True
            return PAUSE_S
        self._quiet = False
        return 0.0 if self._older() else PAUSE_S

    def _review(self, guards: Sequence[Guard]) -> None:
        answer = self._ask([guard.ticket for guard in guards])
        for guard in guards:
            if guard.ticket.id in answer.revoked:
                _log.warning("access %s was revoked by revision %d", guard.ticket.id, answer.revision)
                guard.revoke()
            # also of a revoked one: it has been dealt with
            guard.cleared = answer.revision

    def _older(self) -> list[Guard]:
        return [guard for guard in self._watchdog.guards if guard.cleared < self._known]

    def _ask(self, tickets: Sequence[Ticket]) -> Reviewed:
        def call(channel: grpc.Channel) -> Reviewed:
            return clients.review_tickets(channel, tickets, timeout_s=CALL_S_MAX)

        answer = self._link.call(call)
        if answer.revision != self._known:
            self._known = answer.revision
            self._keep(answer.revision)
        return answer

    def _keep(self, revision: int) -> None:
        try:
            self._journal.keep_revision(revision)
        except Unavailable as error:
            # In force already; the next revision is written down again.
            _log.error("the policy revision cannot be written down: %s", error.detail)


def _batches(guards: Sequence[Guard]) -> Iterator[list[Guard]]:
    """As many at once as one message holds."""
    batch: list[Guard] = []
    size = 0
    for guard in guards:
        claims_bytes = len(guard.ticket.model_dump_json())
        if batch and (len(batch) == BATCH_MAX or size + claims_bytes > BATCH_BYTES_MAX):
            yield batch
            batch, size = [], 0
        batch.append(guard)
        size += claims_bytes
    if batch:
        yield batch
