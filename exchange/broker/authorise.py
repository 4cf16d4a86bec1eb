"""The front door: from an authenticated question to a ticket, or to a refusal on record (steps 2 to 5)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, suppress

from exchange.broker.access import MICROS, Attempt, Decided, Verdict
from exchange.broker.columns import governed_columns
from exchange.broker.decisions import record_decisions, record_malformed
from exchange.broker.in_force import InForce, Standing
from exchange.broker.judge import Judge
from exchange.broker.ledger import Ledger
from exchange.broker.refusals import refusal
from exchange.broker.state.registry import Registry
from exchange.broker.understand import check_request
from exchange.broker.witnessed import Witnessed
from exchange.errors import ConnectorUnavailable, ExchangeError, RequestInvalid, Unavailable
from exchange.model.clock import Clock
from exchange.model.dataset import Column
from exchange.model.request import ReadRequest
from exchange.security.identity import Peer
from exchange.security.tickets import Claims, TicketSigner
from exchange.wire.asking import Grant, Offer
from exchange.wire.serving import Parse

CALL = "exchange.v1.AccessService/RequestAccess"


class FrontDoor:
    """Everything that gives access goes through here; gRPC and Flight alike."""

    def __init__(
        self,
        in_force: InForce,
        judge: Judge,
        registry: Registry,
        ledger: Ledger,
        signer: TicketSigner,
        clock: Clock,
        witnessed: Witnessed,
    ) -> None:
        self._in_force = in_force
        self._judge = judge
        self._registry = registry
        self._ledger = ledger
        self._signer = signer
        self._clock = clock
        self._witnessed = witnessed

    def authorise(self, peer: Peer, parse: Parse[ReadRequest]) -> Grant:
        """A ticket for what the peer asks.

        Raises:
            ExchangeError: there is none; whatever the reason, it is in the audit log under the error's id.
            AuditUnavailable: there is none, because nothing can be recorded.
        """
        (answer,) = self.authorise_all(peer, [parse])
        if isinstance(answer, ExchangeError):
            raise answer
        return answer

    def authorise_all(self, peer: Peer, asked: Sequence[Parse[ReadRequest]]) -> list[Grant | ExchangeError]:
        """For each question its ticket, or the error that refuses it, in order.

        Raises:
            AuditUnavailable, Unavailable: there are none, because nothing can be recorded or issued.
        """
        # nothing is given away under a log that its witnesses may yet disown (F24)
        self._await_witnesses(peer)
        # one request sees exactly one revision, and holds it until its ticket is signed (T31)
        with ExitStack() as standing:
            # (2) (3) the subject is who the certificate names; facts and the pure decision
            judged = [self._judged(peer, parse, standing) for parse in asked]
            # (4) on record and durable before any answer, a denial too
            indices = iter(self._record([one for one in judged if isinstance(one, Decided)]))
            # (5) signed, short-lived, bound to subject, connector, schema and this very record
            return [self._answer(one, next(indices)) if isinstance(one, Decided) else one for one in judged]

    def _judged(self, peer: Peer, parse: Parse[ReadRequest], standing: ExitStack) -> Decided | ExchangeError:
        """The verdict and what only the broker knows; or why there is none, which is then on record."""
        attempt = Attempt.begin(peer, "read", self._clock.now_us())
        try:
            request = self._understand(attempt, parse)
            bundle = standing.enter_context(self._standing(attempt, request))
        except (RequestInvalid, Unavailable) as error:
            if not error.id:  # not even that could be recorded
                raise
            return error
        verdict = self._judge.decide(bundle, attempt, request)
        return Decided(attempt, *self._judge.reserve(attempt, verdict))

    def _answer(self, decided: Decided, audit_index: int | RequestInvalid) -> Grant | ExchangeError:
        if isinstance(audit_index, RequestInvalid):
            self._give_back(decided)
            return audit_index
        if decided.claims is None:
            return refusal(decided.verdict.decision, decided.attempt.id)
        return self._grant(decided.claims, audit_index, decided.verdict)

    def describe(self, peer: Peer, parse: Parse[ReadRequest]) -> tuple[Column, ...]:
        """The columns that a read would deliver; decided and recorded like a read, but without a ticket.

        Raises:
            ExchangeError: as `authorise`.
        """
        attempt = Attempt.begin(peer, "describe", self._clock.now_us())
        request = self._understand(attempt, parse)
        with self._standing(attempt, request) as bundle:
            verdict = self._judge.decide(bundle, attempt, request)
            (audit_index,) = self._record([Decided(attempt, verdict)])
        if isinstance(audit_index, RequestInvalid):
            raise audit_index
        obligations, dataset = verdict.decision.obligations, verdict.dataset
        if not verdict.decision.allowed or obligations is None or dataset is None:
            raise refusal(verdict.decision, attempt.id)
        return governed_columns(obligations, dataset)

    def _await_witnesses(self, peer: Peer) -> None:
        try:
            self._witnessed.check()
        except Unavailable as error:
            error.id = self._ledger.refused(CALL, error.stable_reason, peer.subject)
            raise

    def _standing(self, attempt: Attempt, request: ReadRequest) -> Standing:
        """The one bundle of the request; that it demands a revision which is not there is on record too."""
        try:
            return self._in_force.bundle(request.at_least_revision)
        except Unavailable as error:
            error.id = attempt.id
            revision = self._in_force.revision
            record_malformed(attempt, request, error.stable_reason, revision, self._ledger)
            raise

    def _understand(self, attempt: Attempt, parse: Parse[ReadRequest]) -> ReadRequest:
        """What is no request at all is refused, and on record like every other denial."""
        request: ReadRequest | None = None
        try:
            request = parse()
            check_request(request)
        except RequestInvalid as error:
            error.id = attempt.id
            record_malformed(attempt, request, error.stable_reason, self._in_force.revision, self._ledger)
            raise
        return request

    def _record(self, decided: Sequence[Decided]) -> list[int | RequestInvalid]:
        try:
            return record_decisions(decided, self._ledger)
        except ExchangeError:
            for one in decided:
                self._give_back(one)
            raise

    def _give_back(self, decided: Decided) -> None:
        """The ticket never came to be; if this fails too, its rows stay spent, which is the safe side."""
        if decided.claims is not None:
            with suppress(Unavailable):
                self._judge.give_back(decided.claims.ticket)

    def _grant(self, claims: Claims, audit_index: int, verdict: Verdict) -> Grant | ExchangeError:
        ticket = claims.ticket
        connector = self._registry.connector(ticket.audience)
        if connector is None or verdict.dataset is None:
            return ConnectorUnavailable("no connector serves the dataset", id=ticket.id)
        return Grant(
            id=ticket.id,
            ticket=self._signer.sign_claims(claims, audit_index),
            offers=(Offer(location=connector.location, department=ticket.audience),),
            columns=governed_columns(ticket.obligations, verdict.dataset),
            revision=ticket.revision,
            audit_index=audit_index,
            expires_us=ticket.expires_at * MICROS,
            trace_id=ticket.trace_id,
        )
