"""Whose word a publication is: signed by a steward of the very department, whoever hands it in (T33, T39)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from exchange.broker.chains import authorities_of
from exchange.errors import RequestInvalid
from exchange.model.clock import Clock
from exchange.model.subject import Kind, Subject
from exchange.security.credentials import load_roots
from exchange.security.identity import Peer
from exchange.security.receipts import Trust, trusted_subject
from exchange.security.signing import embedded_certificate, embedded_issuers, verify_canonical
from exchange.wire.publishing import PUBLICATION, publication_claims
from exchange.wire.serving import Publication


@dataclass(frozen=True)
class Signed:
    """A publication whose signature holds.

    Attributes:
        publisher: who handed it in; a steward of the signer's department.
        signer: whose signature it is.
        certificate: the signer's; authorities: those that issued it, as far as they were shown.
        publication: the files and the reason.
        seen: the revision that was in force when the steward signed.
    """

    publisher: Subject
    signer: Subject
    certificate: x509.Certificate
    authorities: tuple[x509.Certificate, ...]
    publication: Publication
    seen: int


class Signers:
    """Proves signatures of publications."""

    def __init__(self, roots: Path, trust_domain: str, clock: Clock) -> None:
        self._roots = roots
        self._trust_domain = trust_domain
        self._clock = clock

    def prove(self, peer: Peer, chain: Sequence[x509.Certificate], publication: Publication) -> Signed:
        """The publication with its signer.

        Args:
            peer: who hands it in, from the connection.
            chain: the certificates the peer presented.
            publication: as it arrived.

        Raises:
            RequestInvalid: not signed, signed for other files or in another's name, or by somebody who is no
                steward of the peer's department now.
        """
        receipt = publication.signed
        if not receipt.signature or not receipt.statement:
            raise RequestInvalid(
                "the publication is not signed", reason="unsigned", hint="exchange policy publish signs it"
            )
        certificate = embedded_certificate(receipt)
        shown = (*embedded_issuers(receipt), *chain)
        signer = peer.subject if certificate == peer.certificate else self._signer(certificate, shown)
        if signer.kind is not Kind.STEWARD or signer.department != peer.subject.department:
            raise RequestInvalid(
                f"only a steward of {peer.subject.department} signs its policy", reason="signer-foreign"
            )
        seen = _check_claims(signer, publication, certificate)
        return Signed(
            peer.subject, signer, certificate, authorities_of(certificate, shown), publication, seen
        )

    def _signer(self, certificate: x509.Certificate, shown: Sequence[x509.Certificate]) -> Subject:
        now_us = self._clock.now_us()
        trust = Trust(load_roots(self._roots, now_us), (), self._trust_domain)
        return trusted_subject(certificate, shown, trust, now_us, role="the signer")


def _check_claims(signer: Subject, publication: Publication, certificate: x509.Certificate) -> int:
    """The revision the steward saw, if he signed exactly these files as his department's."""
    claimed = verify_canonical(publication.signed, certificate, PUBLICATION)
    seen, created = claimed.get("revision"), claimed.get("created")
    if not isinstance(seen, int) or isinstance(seen, bool) or not isinstance(created, str):
        raise RequestInvalid(
            "the signed publication names no revision or no time", reason="receipt-malformed"
        )
    expected = publication_claims(
        signer.department,
        publication.files,
        publication.message,
        seen,
        signer=signer.id,
        created=created,
    )
    if claimed != expected:
        raise RequestInvalid("the signature is for other files", reason="receipt-mismatch")
    return seen
