"""Open tickets held against the policies of now: what they would not allow any more is revoked.

Nothing is remembered here. A ticket tells all that a decision needs, connectors ask about those they hold,
and so a revocation survives a restart of either side: whoever asks is answered by what is in force.
"""

from __future__ import annotations

import datetime as dt

from exchange.audit.records.kinds import RevocationRecord
from exchange.broker.access import MICROS
from exchange.broker.in_force import InForce
from exchange.broker.ledger import Ledger
from exchange.broker.state.issued import IssuedTickets
from exchange.broker.state.registry import Registry
from exchange.errors import RequestInvalid
from exchange.model.clock import Clock
from exchange.model.request import ReadRequest
from exchange.model.subject import Subject
from exchange.model.ticket import Ticket
from exchange.policy.bundle import Bundle
from exchange.policy.covers import covers
from exchange.policy.decide import decide
from exchange.policy.facts import Facts
from exchange.wire.clients import Reviewed
from exchange.wire.serving import Parse

CALL = "exchange.v1.ConnectorService/ReviewTickets"


class RevocationDesk:
    """Answers connectors which of their tickets are revoked; each such answer is on record before it."""

    def __init__(
        self,
        in_force: InForce,
        registry: Registry,
        issued: IssuedTickets,
        ledger: Ledger,
        clock: Clock,
        *,
        trust_domain: str,
        state: str,
    ) -> None:
        self._in_force = in_force
        self._registry = registry
        self._issued = issued
        self._ledger = ledger
        self._clock = clock
        self._trust_domain = trust_domain
        self._state = state

    def review(self, speaker: Subject, parse: Parse[tuple[Ticket, ...]]) -> Reviewed:
        """The revision in force, and those of the speaker's tickets that it does not allow any more.

        Raises:
            RequestInvalid: one is no ticket, or one for another department's connector; recorded.
            AuditUnavailable: nothing is answered.
        """
        try:
            tickets = _own(speaker, parse())
        except RequestInvalid as error:
            error.id = self._ledger.refused(CALL, error.stable_reason, speaker)
            raise
        with self._in_force.bundle() as bundle:
            reasons = {ticket.id: self._objection(bundle, ticket) for ticket in tickets}
            records = [
                self._record(speaker, bundle, ticket, reasons[ticket.id])
                for ticket in tickets
                if reasons[ticket.id]
            ]
            if records:
                self._ledger.append_many(records)
            revoked = frozenset(id_ for id_, reason in reasons.items() if reason)
            return Reviewed(revision=bundle.revision, revoked=revoked)

    def _objection(self, bundle: Bundle, ticket: Ticket) -> str:
        """Why the ticket must not be used any more; "" if it may."""
        issued = self._issued.find(ticket.id)
        if issued is None or (issued.subject, issued.dataset) != (ticket.subject, ticket.dataset):
            return "ticket-unknown"
        # What it delivers must be what its subject could be given now: naming the columns, or asking for all.
        named = self._again(bundle, ticket, tuple(rule.name for rule in ticket.obligations.columns))
        return named and self._again(bundle, ticket, ())

    def _again(self, bundle: Bundle, ticket: Ticket, columns: tuple[str, ...]) -> str:
        request = ReadRequest(
            dataset=ticket.dataset, purpose=ticket.purpose, columns=columns, trace_id=ticket.trace_id
        )
        facts = Facts(
            Subject.parse(ticket.subject, self._trust_domain),
            self._registry.get(ticket.dataset),
            request,
            "read",
            dt.datetime.fromtimestamp(self._clock.now_us() / MICROS, dt.UTC),
            self._state,
        )
        decision = decide(bundle, facts).decision
        if not decision.allowed or decision.obligations is None:
            return decision.reason
        return "" if covers(decision.obligations, ticket.obligations) else "narrowed"

    def _record(self, speaker: Subject, bundle: Bundle, ticket: Ticket, reason: str) -> RevocationRecord:
        known = self._issued.find(ticket.id)
        # of a ticket that was never issued only its id is repeated; the rest is what somebody claims
        subject = Subject.parse(known.subject, self._trust_domain) if known else None
        return RevocationRecord(
            id=ticket.id,
            trace=known.trace if known else "",
            subject=subject.id if subject else "",
            department=subject.department if subject else "",
            dataset=known.dataset if known else "",
            purpose=ticket.purpose if known else "",
            speaker=speaker.id,
            revision=bundle.revision,
            previous=ticket.revision,
            reason=reason,
        )


def _own(speaker: Subject, tickets: tuple[Ticket, ...]) -> tuple[Ticket, ...]:
    if any(ticket.audience != speaker.department for ticket in tickets):
        raise RequestInvalid("a connector asks about tickets of its own only", reason="ticket-audience")
    if any(ticket.dataset.partition(".")[0] != speaker.department for ticket in tickets):
        raise RequestInvalid("a connector asks about its own datasets only", reason="ticket-dataset")
    return tickets
