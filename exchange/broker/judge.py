"""Step 3: the facts (PIP), the pure decision (PDP), and what only the broker knows."""

from __future__ import annotations

from dataclasses import replace

from exchange.broker.access import MICROS, Attempt, Verdict, denied
from exchange.broker.settings import Limits
from exchange.broker.state.issued import IssuedTicket, IssuedTickets
from exchange.broker.state.registry import Availability, Registry
from exchange.errors import RequestInvalid, Unavailable
from exchange.model.dataset import Dataset
from exchange.model.decision import Decision
from exchange.model.obligation import Obligations
from exchange.model.request import ReadRequest
from exchange.model.subject import Kind
from exchange.model.ticket import Ticket
from exchange.policy.bundle import Bundle
from exchange.policy.decide import decide
from exchange.policy.facts import Facts
from exchange.security.tickets import Claims


class Judge:
    """Turns a question into a verdict and, where that allows, into the claims of a ticket."""

    def __init__(
        self, registry: Registry, issued: IssuedTickets, limits: Limits, operating_state: str
    ) -> None:
        self._registry = registry
        self._issued = issued
        self._limits = limits
        self._operating_state = operating_state

    def decide(self, bundle: Bundle, attempt: Attempt, request: ReadRequest) -> Verdict:
        """Gather the facts and ask policy; the same steps whether or not the dataset exists (T56)."""
        dataset = self._registry.get(request.dataset)
        subject = attempt.peer.subject
        facts = Facts(subject, dataset, request, attempt.action, attempt.moment, self._operating_state)
        outcome = decide(bundle, facts)
        decision = outcome.decision
        if subject.kind is not Kind.SYSTEM:
            # the gate has refused it before; data must not depend on that alone
            decision = denied(decision, "kind-refused", public="not-granted")
        return Verdict(request, dataset, decision, outcome.where, self._operating_state)

    def reserve(self, attempt: Attempt, verdict: Verdict) -> tuple[Verdict, Claims | None]:
        """Put the rows aside and draw up the ticket, whose audit index is still open; None with a denial.

        What stands in the way only now is told to the subject, because policy has granted it the dataset.
        """
        decision, dataset = verdict.decision, verdict.dataset
        if not decision.allowed or dataset is None or decision.obligations is None:
            return verdict, None
        draft = self._draft(attempt, verdict, dataset, decision.obligations)
        if obstacle := self._obstacle(draft):
            return _deny(verdict, *obstacle)
        try:
            claims = Claims(draft)
            obligations = self._issued.reserve(_entry(attempt, draft), draft.obligations)
        except RequestInvalid as error:
            return _deny(verdict, "request-invalid", error.public)
        except Unavailable:
            return _deny(verdict, "unavailable", "the broker cannot issue tickets now; try again later")
        if obligations is None:
            return _deny(verdict, "limit-exhausted", "the rows allowed in this period are used up")
        if obligations is not draft.obligations:
            limited = decision.model_copy(update={"obligations": obligations})
            verdict = replace(verdict, decision=limited)
            claims = Claims(draft.model_copy(update={"obligations": obligations}))
        return verdict, claims

    def _obstacle(self, draft: Ticket) -> tuple[str, str] | None:
        """Reason and text of what stands in the way of a ticket; None if nothing does."""
        if self._registry.availability(draft.dataset) is not Availability.SERVING:
            return "connector-unavailable", "the dataset's connector is silent; try again later"
        if draft.expires_at <= draft.issued_at:
            return "identity-refused", "the certificate expires this very second; renew it"
        return None

    def give_back(self, ticket: Ticket) -> None:
        """Undo a reservation whose ticket never came to be.

        Raises:
            Unavailable: the rows stay spent, which is the safe side.
        """
        self._issued.cancel(ticket.id)

    def _draft(
        self, attempt: Attempt, verdict: Verdict, dataset: Dataset, obligations: Obligations
    ) -> Ticket:
        request = verdict.request
        return Ticket(
            id=attempt.id,
            subject=attempt.peer.subject.id,
            audience=dataset.department,
            dataset=request.dataset,
            schema_digest=dataset.schema_digest,
            purpose=request.purpose,
            obligations=obligations,
            where=verdict.where,
            revision=verdict.decision.revision,
            audit_index=0,
            issued_at=attempt.now_us // MICROS,
            expires_at=attempt.until_s(self._limits.ticket_ttl_s),
            stream_until=attempt.until_s(self._limits.stream_ttl_s),
            trace_id=request.trace_id,
        )


def _deny(verdict: Verdict, reason: str, message: str) -> tuple[Verdict, None]:
    decision: Decision = denied(verdict.decision, reason, message=message)
    return replace(verdict, decision=decision), None


def _entry(attempt: Attempt, draft: Ticket) -> IssuedTicket:
    return IssuedTicket(
        id=draft.id,
        subject=draft.subject,
        department=draft.audience,
        dataset=draft.dataset,
        issued_us=attempt.now_us,
        expires_us=draft.expires_at * MICROS,
        trace=draft.trace_id,
    )
