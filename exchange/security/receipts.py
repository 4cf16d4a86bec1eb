"""Reading a receipt long after it was signed, without a connection and without trusting the broker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from exchange.errors import IdentityError, RequestInvalid
from exchange.model.receipt import Receipt, Statement
from exchange.model.subject import Subject
from exchange.security import files
from exchange.security.credentials import microseconds
from exchange.security.identity import subject_of
from exchange.security.pki import constraints
from exchange.security.pki.pem import parse_certificates
from exchange.security.signing import embedded_certificate, embedded_issuers, verify_receipt

AUTHORITIES_MAX = 3
"""Intermediates between a leaf and a root."""


@dataclass(frozen=True)
class _Claim:
    """Whom a chain must be allowed to name, and when it must have been valid."""

    spiffe_id: str
    at_us: int


@dataclass(frozen=True)
class Trust:
    """What a verifier believes in: roots, and the intermediates that lead to them.

    Attributes:
        roots: trusted outright.
        intermediates: proven against the roots each time; a wrong one among them does no harm.
        trust_domain: of the city.
    """

    roots: tuple[x509.Certificate, ...]
    intermediates: tuple[x509.Certificate, ...]
    trust_domain: str

    @classmethod
    def load(cls, roots: Path, intermediates: Path | None, trust_domain: str) -> Trust:
        """From PEM files.

        Raises:
            ConfigError: a file is missing or not PEM.
        """
        others = parse_certificates(files.read_public(intermediates), intermediates) if intermediates else ()
        return cls(parse_certificates(files.read_public(roots), roots), others, trust_domain)

    def vouches_for(
        self,
        certificate: x509.Certificate,
        spiffe_id: str,
        at_us: int,
        shown: Sequence[x509.Certificate] = (),
    ) -> bool:
        """Whether a chain leads from the certificate to a root.

        Args:
            certificate: a leaf.
            spiffe_id: every link of the chain must be allowed to name it.
            at_us: unix microseconds at which every link must have been valid.
            shown: further intermediates that may take part, such as those a receipt carries.
        """
        pool = (*self.intermediates, *shown)
        return self._leads_to_root(certificate, pool, _Claim(spiffe_id, at_us), authorities=0)

    def _leads_to_root(
        self, certificate: x509.Certificate, pool: Sequence[x509.Certificate], claim: _Claim, authorities: int
    ) -> bool:
        if authorities > AUTHORITIES_MAX:
            return False
        if any(_vouches(root, certificate, claim, authorities) for root in self.roots):
            return True
        above = (issuer for issuer in pool if _vouches(issuer, certificate, claim, authorities))
        return any(self._leads_to_root(issuer, pool, claim, authorities + 1) for issuer in above)


def open_receipt(receipt: Receipt, trust: Trust, at_us: int) -> tuple[Statement, Subject]:
    """The statement and who made it.

    Args:
        receipt: as the log or the other side keeps it.
        trust: roots and intermediates, from a source other than the receipt.
        at_us: unix microseconds at which the receipt was recorded; certificates must have been valid then.

    Raises:
        RequestInvalid: `receipt-untrusted` where no chain leads to a root or the certificate names nobody;
            otherwise as `verify_receipt`.
    """
    certificate = embedded_certificate(receipt)
    issuers = embedded_issuers(receipt)
    subject = trusted_subject(certificate, issuers, trust, at_us, role="the receipt's speaker")
    return verify_receipt(receipt, certificate), subject


def trusted_subject(
    certificate: x509.Certificate,
    issuers: Sequence[x509.Certificate],
    trust: Trust,
    at_us: int,
    *,
    role: str,
) -> Subject:
    """Whom a certificate names that is no authority's and leads to a root at that time.

    Args:
        certificate: of whoever signed something.
        issuers: shown beside it; proven, not believed.
        trust: roots and intermediates.
        at_us: unix microseconds.
        role: what the error calls the one who signed ("the signer").

    Raises:
        RequestInvalid: `receipt-untrusted`.
    """
    try:
        subject = subject_of(certificate, trust.trust_domain)
    except IdentityError as error:
        raise RequestInvalid(f"{role} is unknown: {error.public}", reason="receipt-untrusted") from None
    if constraints.is_authority(certificate) or not trust.vouches_for(
        certificate, subject.id, at_us, issuers
    ):
        raise RequestInvalid(f"no trusted authority vouches for {role}", reason="receipt-untrusted")
    return subject


def _vouches(issuer: x509.Certificate, below: x509.Certificate, claim: _Claim, authorities: int) -> bool:
    """Whether the issuer signed what stands below it, was allowed to, and both were valid then."""
    return (
        below.issuer == issuer.subject
        and _valid(below, claim.at_us)
        and _valid(issuer, claim.at_us)
        and constraints.may_name(issuer, claim.spiffe_id)
        and constraints.may_stand_above(issuer, authorities)
        and constraints.issued(below, issuer)
    )


def _valid(certificate: x509.Certificate, at_us: int) -> bool:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return microseconds(begin) <= at_us < microseconds(end)
