"""Step 10: what either end says of a stream, verified, matched with its ticket, recorded, acknowledged."""

from __future__ import annotations

import logging
import re
import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from exchange.audit.records.deliveries import Delivery, delivery
from exchange.broker.chains import authorities_of, certificate_record, fingerprint
from exchange.broker.ledger import Ledger
from exchange.broker.state.issued import IssuedTicket, IssuedTickets
from exchange.broker.state.statements import StatementIndex, Told, digest_of, key_of
from exchange.errors import RequestInvalid
from exchange.model.clock import Clock
from exchange.model.receipt import Receipt, Received, Refusal, Start, Statement
from exchange.model.subject import Kind, Subject
from exchange.security.credentials import load_roots, microseconds
from exchange.security.identity import Peer
from exchange.security.receipts import Trust, open_receipt
from exchange.security.signing import embedded_certificate, verify_receipt
from exchange.wire.serving import Parse, Taken

CALL = "exchange.v1.ReceiptService/SubmitReceipts"
_TICKET = re.compile(r"[0-9a-f]{32}")
_log = logging.getLogger("exchange.broker.desks.receipts")


@dataclass(frozen=True, slots=True)
class _Judged:
    """A receipt that will be recorded."""

    receipt: Receipt
    statement: Statement
    key: str
    digest: str
    record: Delivery


class ReceiptDesk:
    """Takes receipts from connectors and consumers; sending one again is harmless."""

    def __init__(
        self,
        issued: IssuedTickets,
        index: StatementIndex,
        ledger: Ledger,
        clock: Clock,
        *,
        roots: Path,
        trust_domain: str,
    ) -> None:
        self._issued = issued
        self._index = index
        self._ledger = ledger
        self._clock = clock
        self._roots = roots
        self._trust_domain = trust_domain
        # one speaker's receipts are taken one batch after the other, so that none is recorded twice
        self._turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def submit(
        self, peer: Peer, chain: tuple[x509.Certificate, ...], parse: Parse[tuple[Receipt, ...]]
    ) -> list[Taken]:
        """Record what the peer says of itself; one answer for each receipt, in order.

        Args:
            peer: who speaks, from its certificate.
            chain: the certificates the peer presented beside its own.
            parse: yields the receipts.

        Raises:
            RequestInvalid: the message is malformed as a whole; recorded.
            AuditUnavailable: nothing is acknowledged; what was recorded is known when it is sent again.
        """
        try:
            receipts = parse()
        except RequestInvalid as error:
            error.id = self._ledger.refused(CALL, error.stable_reason, peer.subject)
            raise
        with self._turns[peer.subject.id]:
            trust = Trust(load_roots(self._roots, self._clock.now_us()), chain, self._trust_domain)
            judged = [self._judge(peer, trust, receipt) for receipt in receipts]
            self._record([one for one in judged if isinstance(one, _Judged)], chain)
            return [self._taken(one) if isinstance(one, _Judged) else one for one in judged]

    def _judge(self, peer: Peer, trust: Trust, receipt: Receipt) -> _Judged | Taken:
        """What to record, or the final answer: recorded before, or refused (and that is recorded)."""
        statement: Statement | None = None
        try:
            statement = self._verify(peer, trust, receipt)
            digest = digest_of(receipt.statement)
            key = key_of(statement, digest)
            known = self._index.find(key)
            if known is not None and known.digest != digest:
                raise _refused("receipt-conflict")
            if known is not None:
                return Taken(audit_index=known.audit_index)
            record = self._record_of(receipt, statement, self._match(peer.subject, statement))
            return _Judged(receipt, statement, key, digest, record)
        except RequestInvalid as error:
            self._refuse(peer.subject, error.stable_reason, statement)
            return Taken(refused=error.stable_reason)

    def _verify(self, peer: Peer, trust: Trust, receipt: Receipt) -> Statement:
        certificate = embedded_certificate(receipt)
        if certificate == peer.certificate:
            statement = verify_receipt(receipt, certificate)
        else:
            # signed before a renewal: the old certificate must lead to a root, be it at its last moment
            at_us = min(self._clock.now_us(), microseconds(certificate.not_valid_after_utc) - 1)
            statement, speaker = open_receipt(receipt, trust, at_us)
            if speaker != peer.subject:
                raise _refused("receipt-speaker")
        if (peer.subject.kind is Kind.SYSTEM) != isinstance(statement, Received):
            raise _refused("receipt-kind")
        return statement

    def _match(self, speaker: Subject, statement: Statement) -> IssuedTicket | None:
        """The ticket it speaks of; None only for a refusal of what was no ticket."""
        if isinstance(statement, Refusal) and statement.ticket == "":
            return None
        ticket = self._issued.find(statement.ticket) if _TICKET.fullmatch(statement.ticket) else None
        if ticket is None:
            raise _refused("ticket-unknown")
        if isinstance(statement, Received):
            mine = ticket.subject == speaker.id
        else:
            mine = ticket.department == speaker.department
        # both answers are one, so that nobody finds out whose tickets exist
        if not mine:
            raise _refused("ticket-unknown")
        if isinstance(statement, Start) and (statement.subject, statement.dataset) != (
            ticket.subject,
            ticket.dataset,
        ):
            raise _refused("receipt-mismatch")
        return ticket

    def _record_of(self, receipt: Receipt, statement: Statement, ticket: IssuedTicket | None) -> Delivery:
        if ticket is None:
            return delivery(receipt)
        # a refusal names whom it refused, which may be another than the ticket's subject (T14)
        subject = "" if isinstance(statement, Refusal) else ticket.subject
        return delivery(receipt, subject=subject, dataset=ticket.dataset, trace=ticket.trace)

    def _record(self, judged: Sequence[_Judged], chain: tuple[x509.Certificate, ...]) -> None:
        fresh = list({one.key: one for one in judged}.values())
        certificates = self._new_certificates(fresh, chain)
        records = [
            *(certificate_record(found, authority=above) for found, above in certificates),
            *(one.record for one in fresh),
        ]
        if not records:
            return
        indices = self._ledger.append_many(records)[len(certificates) :]
        now_us = self._clock.now_us()
        told = [
            (one.statement, Told(one.key, one.digest, at, now_us))
            for one, at in zip(fresh, indices, strict=True)
        ]
        self._index.add(told, [fingerprint(found) for found, _ in certificates])

    def _new_certificates(
        self, judged: Sequence[_Judged], chain: tuple[x509.Certificate, ...]
    ) -> list[tuple[x509.Certificate, bool]]:
        """Certificates the log lacks, and whether each is an authority's or a signer's."""
        found: dict[str, tuple[x509.Certificate, bool]] = {}
        for one in judged:
            leaf = embedded_certificate(one.receipt)
            for authority in authorities_of(leaf, chain):
                found.setdefault(fingerprint(authority), (authority, True))
            found.setdefault(fingerprint(leaf), (leaf, False))
        return [pair for name, pair in found.items() if not self._index.knows_certificate(name)]

    def _taken(self, one: _Judged) -> Taken:
        known = self._index.find(one.key)
        if known is None or known.digest != one.digest:
            return Taken(refused="receipt-conflict")
        return Taken(audit_index=known.audit_index)

    def _refuse(self, speaker: Subject, reason: str, statement: Statement | None) -> None:
        ticket = statement.ticket if statement else ""
        target = ticket if _TICKET.fullmatch(ticket) else self._ledger.stranger(ticket) if ticket else ""
        access_id = self._ledger.refused(CALL, reason, speaker, target)
        if reason == "ticket-unknown" and isinstance(statement, Start):
            # a stream under a ticket never issued here: a forged one, a stolen key, or a lost database
            _log.critical("%s admitted a ticket never issued here (record %s)", speaker.id, access_id)
        else:
            _log.warning("a receipt of %s was refused: %s (record %s)", speaker.id, reason, access_id)


def _refused(reason: str) -> RequestInvalid:
    return RequestInvalid("the receipt is not taken", reason=reason)
