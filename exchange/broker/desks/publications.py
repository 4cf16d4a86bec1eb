"""The steward's publications: proven his own, checked whole, persisted, audited, and only then in force."""

from __future__ import annotations

import hashlib
import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography import x509

from exchange.audit.records.kinds import FileDigest, PublicationRecord
from exchange.audit.records.record import bounded
from exchange.broker.alarm import PolicyAlarm
from exchange.broker.chains import certificate_record, fingerprint
from exchange.broker.desks.signers import Signed, Signers
from exchange.broker.in_force import InForce
from exchange.broker.ledger import Ledger
from exchange.broker.state.registry import Registry
from exchange.broker.state.revisions import Revision, Revisions
from exchange.broker.state.statements import StatementIndex
from exchange.errors import ExchangeError, PolicyInvalid, RequestInvalid, Unavailable
from exchange.model.receipt import Receipt
from exchange.model.subject import CITY, Subject
from exchange.policy.acceptance import Acceptance, Candidate
from exchange.policy.files.tree import DEPARTMENTS
from exchange.policy.holder import BundleHolder, Held
from exchange.security.identity import Peer
from exchange.wire.serving import Parse, Publication

FILES_MAX = 128
MESSAGE_CHARS_MAX = 1000
DRAIN_S = 30.0
_log = logging.getLogger("exchange.broker.policy")


class PolicyDesk:
    """Publishes policy files of one department, or the city's own, at a time: all or nothing."""

    def __init__(
        self,
        holder: BundleHolder,
        in_force: InForce,
        revisions: Revisions,
        registry: Registry,
        ledger: Ledger,
        index: StatementIndex,
        *,
        signers: Signers,
        alarm: PolicyAlarm,
        acceptance: Acceptance,
    ) -> None:
        self._holder = holder
        self._in_force = in_force
        self._revisions = revisions
        self._registry = registry
        self._ledger = ledger
        self._index = index
        self._signers = signers
        self._alarm = alarm
        self._acceptance = acceptance
        self.lags = False

    def publish(
        self, peer: Peer, chain: tuple[x509.Certificate, ...], parse: Parse[Publication]
    ) -> tuple[int, str]:
        """Replace the files of the steward's own part; returns revision and digest, now in force.

        Once this has returned, no ticket is issued under an older revision (T31).

        Raises:
            PolicyInvalid: the files, with file and line, or a test case; nothing was changed; recorded.
            RequestInvalid: signature, size, or the revision the steward saw is no longer in force; recorded.
            AuditUnavailable, Unavailable: nothing was changed, or the answer is not sure yet.
        """
        publication: Publication | None = None
        try:
            publication = parse()
            _check_size(publication)
            signed = self._signers.prove(peer, chain, publication)
            bundle = self._holder.publish(
                peer.subject.department,
                publication.files,
                schemas=self._registry.schemas,
                persist=lambda held: self._persist(held, signed),
            )
        except (PolicyInvalid, RequestInvalid) as error:
            raise self._refused(peer.subject, publication, error) from None
        except ExchangeError as error:
            self._alarm.sound(peer.subject.department, error.stable_reason, error.id, str(error))
            raise
        self._alarm.clear()
        self._in_force.announce()
        if not self._in_force.wait_for_older(bundle.revision, DRAIN_S):
            raise Unavailable("published, but older requests still run", hint="ask for the revision in force")
        return bundle.revision, bundle.digest

    def begin(self, broker: Subject, files: Mapping[str, bytes]) -> None:
        """Persist and record the initial files as the revision in force, at a broker's very first start."""
        bundle = self._holder.current
        self._revisions.prepare(Revision(bundle.revision, bundle.digest, files))
        publication = Publication(files=dict(files), message="initial policies", signed=_UNSIGNED)
        outcome = _Came(bundle.revision, 0, bundle.digest)
        at = self._ledger.append(_record(broker, publication, outcome))
        self._revisions.acknowledge(bundle.revision, at)

    def _persist(self, held: Held, signed: Signed) -> None:
        """Accepted, durable, then audited, then acknowledged; runs before anybody sees the new bundle."""
        bundle, previous = held.bundle, self._holder.current
        # checked here, where publications run one after the other
        if signed.seen != previous.revision:
            raise RequestInvalid(
                f"revision {previous.revision} is in force by now",
                hint="look at it and publish again",
                reason="revision-moved",
            )
        self._acceptance.check(Candidate(signed.publisher.department, bundle, held.files, self._holder.files))
        self._revisions.prepare(Revision(bundle.revision, bundle.digest, held.files))
        certificates = self._new_certificates(signed)
        outcome = _Came(bundle.revision, previous.revision, bundle.digest)
        record = _record(signed.publisher, signed.publication, outcome)
        before = [certificate_record(found, authority=above) for found, above in certificates]
        at = self._ledger.append_many([*before, record])[-1]
        try:
            self._revisions.acknowledge(bundle.revision, at)
            self._index.add((), [fingerprint(found) for found, _ in certificates])
        except Unavailable:
            # the log has it, so it stands; the database is brought up to date from the log at the next start
            self.lags = True
            _log.exception("revision %d is published, but the database could not note it", bundle.revision)

    def _new_certificates(self, signed: Signed) -> list[tuple[x509.Certificate, bool]]:
        found = [(authority, True) for authority in signed.authorities]
        found.append((signed.certificate, False))
        return [pair for pair in found if not self._index.knows_certificate(fingerprint(pair[0]))]

    def _refused(
        self, subject: Subject, publication: Publication | None, error: ExchangeError
    ) -> ExchangeError:
        """The refusal as its steward may read it, recorded; whoever is responsible sees the alarm."""
        refused = _own_only(error, subject.department)
        refused.id = self._record_refusal(subject, publication, error.stable_reason)
        # a steward who was overtaken looks again: nothing is wrong with anybody's files
        if error.stable_reason != "revision-moved":
            self._alarm.sound(subject.department, error.stable_reason, refused.id, str(error))
        return refused

    def _record_refusal(self, subject: Subject, publication: Publication | None, reason: str) -> str:
        current = self._holder.current
        outcome = _Came(current.revision, current.revision, current.digest, reason)
        record = _record(subject, publication, outcome)
        self._ledger.append(record)
        return record.id


@dataclass(frozen=True)
class _Came:
    """What became of a publication: revisions and digest in force, and why it was refused, if so."""

    revision: int
    previous: int
    digest: str
    reason: str = ""


_UNSIGNED = Receipt(statement="", signature="", certificate="")


def _check_size(publication: Publication) -> None:
    if len(publication.files) > FILES_MAX or len(publication.message) > MESSAGE_CHARS_MAX:
        raise RequestInvalid(
            f"a publication has at most {FILES_MAX} files and a message of {MESSAGE_CHARS_MAX} characters"
        )


def _own_only(error: ExchangeError, department: str) -> ExchangeError:
    """The error as this steward may read it: places in his own files, nothing of other departments'.

    A steward of the city must know which department's rules a change of the city's words would break.
    """
    if not isinstance(error, PolicyInvalid) or department == CITY:
        return error
    if error.public.startswith(f"{DEPARTMENTS}/{department}/"):
        return error
    return PolicyInvalid(
        "with these files the city's policy as a whole would not hold",
        hint="the operator finds the reason by the id",
        detail=str(error),
    )


def _record(subject: Subject, publication: Publication | None, came: _Came) -> PublicationRecord:
    files = publication.files if publication else {}
    signed = publication.signed if publication and not came.reason else _UNSIGNED
    return PublicationRecord(
        id=uuid.uuid4().hex,
        subject=subject.id,
        department=subject.department,
        revision=came.revision,
        previous=came.previous,
        bundle=came.digest,
        files=tuple(
            FileDigest(path=bounded(path, 200), digest=hashlib.sha256(files[path]).hexdigest())
            for path in sorted(files)[:FILES_MAX]
        ),
        message=bounded(publication.message, MESSAGE_CHARS_MAX) if publication else "",
        outcome="refused" if came.reason else "published",
        reason=came.reason,
        statement=signed.statement,
        signature=signed.signature,
        certificate=hashlib.sha256(bytes.fromhex(signed.certificate)).hexdigest()
        if signed.certificate
        else "",
    )
