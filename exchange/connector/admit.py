"""Step 6: a ticket is admitted or nothing happens. Whatever is not proven refuses."""

from __future__ import annotations

from exchange.connector.admitted import Admitted
from exchange.connector.datasets import Datasets, Table
from exchange.connector.records.ledger import Ledger
from exchange.connector.uplink.keyring import Keyring
from exchange.connector.uplink.reviewer import Reviewer
from exchange.connector.uplink.skew import Skew
from exchange.errors import AccessRefused, ExchangeError, TicketRefused
from exchange.model.clock import Clock
from exchange.model.subject import Kind
from exchange.model.ticket import Ticket
from exchange.security.identity import Peer


class Admission:
    """Admits tickets for one connector; used from many threads."""

    def __init__(
        self,
        *,
        keyring: Keyring,
        datasets: Datasets,
        ledger: Ledger,
        skew: Skew,
        reviewer: Reviewer,
        clock: Clock,
    ) -> None:
        self._keyring = keyring
        self._datasets = datasets
        self._ledger = ledger
        self._skew = skew
        self._reviewer = reviewer
        self._clock = clock

    def admit(self, token: bytes, peer: Peer) -> Admitted:
        """Use the token up, once, for this peer.

        The order matters: nothing of the token is parsed before its signature holds, and a ticket is used up
        only when nothing else can refuse it.

        Raises:
            AccessRefused: `not-served`, the peer is no system; `revoked`, policies allow it no more.
            TicketRefused: `ticket-…`, by the check that failed; its `id` is the ticket's once that is proven.
            Unavailable: `clock-skew`, START cannot be made durable, or policies changed and the broker cannot
                be asked whether it still stands.
            SourceFailed: the source cannot say what the dataset looks like.
        """
        if peer.subject.kind is not Kind.SYSTEM:
            raise AccessRefused("only a department's systems read data", reason="not-served")
        self._skew.check()
        ticket = self._keyring.verify(token, self._clock.now_us() / 1e6)
        try:
            _check_bearer(ticket, peer)
            table = self._check_dataset(ticket)
            cleared = self._reviewer.check(ticket)
            # (6) Last of all: single use, and START, in one durable transaction.
            started_us = self._ledger.start(ticket)
        except ExchangeError as error:
            error.id = ticket.id
            raise
        until_us = min(ticket.stream_until * 1_000_000, peer.not_after_us)
        return Admitted(ticket=ticket, table=table, started_us=started_us, until_us=until_us, cleared=cleared)

    def _check_dataset(self, ticket: Ticket) -> Table:
        table = self._datasets.read(ticket.dataset)
        if table is None:
            raise TicketRefused("this connector has no such dataset", reason="ticket-dataset")
        # (6) Compared with the source as it is now, not as it was registered (T21, T45, T46).
        if table.dataset.schema_digest != ticket.schema_digest:
            raise TicketRefused(
                "the dataset was redefined after the ticket was issued",
                reason="ticket-schema",
                hint="ask for a new one",
            )
        return table


def _check_bearer(ticket: Ticket, peer: Peer) -> None:
    if ticket.subject != peer.subject.id:
        raise TicketRefused("the ticket was issued to another subject", reason="ticket-subject")
    # A ticket that outlives the certificate was not issued to this certificate (T8).
    if ticket.expires_at * 1_000_000 > peer.not_after_us:
        raise TicketRefused(
            "the ticket outlives the certificate it is presented with",
            reason="ticket-certificate",
            hint="ask for a new one",
        )
