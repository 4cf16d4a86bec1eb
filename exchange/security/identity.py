"""Who is at the other end of a call (step 2): the SPIFFE id of the certificate, the only SAN it may carry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509

from exchange.errors import IdentityError
from exchange.model.subject import Subject
from exchange.security.credentials import microseconds, subject_alternative_names
from exchange.security.pki import constraints
from exchange.security.pki.pem import UNREADABLE

CHAIN_BYTES_MAX = 32 * 1024
_PARSED_MAX = 512


@dataclass(frozen=True)
class Peer:
    """An authenticated peer.

    Attributes:
        subject: who it is.
        certificate: its leaf certificate, against which its statements are verified.
        not_after_us: unix microseconds from which on it is refused; no ticket of its may live longer (T8).
    """

    subject: Subject
    certificate: x509.Certificate
    not_after_us: int


def peer_of(auth_context: Mapping[str, object], trust_domain: str, now_us: int) -> Peer:
    """The peer of a gRPC call, from `context.auth_context()`.

    The handshake has verified the chain; this reads the name out of it, and checks again on every call what a
    handshake checks only once: a channel that was opened in time may outlive its certificate.

    Args:
        auth_context: property name to values, as gRPC gives it: `x509_pem_cert`, `x509_pem_cert_chain`.
        trust_domain: of this city.
        now_us: unix microseconds.

    Raises:
        IdentityError: there is no certificate (T5), it carries anything else than one SPIFFE id (T6, T7), it
            belongs to another city or kind, its issuer may not name that department, or it is not valid at
            this moment (T8).
    """
    leaf = _single(auth_context, "x509_pem_cert")
    if not leaf:
        raise IdentityError("the call carries no client certificate")
    chain = _single(auth_context, "x509_pem_cert_chain")
    if len(leaf) + len(chain) > CHAIN_BYTES_MAX:
        raise IdentityError("the client's certificate chain is too long")
    peer, not_before_us = _parsed(leaf, chain, trust_domain)
    if now_us < not_before_us:
        raise IdentityError(
            "the client's certificate is not valid yet", hint="compare the clocks of both machines"
        )
    if now_us >= peer.not_after_us:
        raise IdentityError("the client's certificate has expired", hint="renew it and open a new connection")
    return peer


def subject_of(certificate: x509.Certificate, trust_domain: str) -> Subject:
    """The subject that an identity certificate names.

    Raises:
        IdentityError: it carries no SAN, several, one that is not a SPIFFE id of this city, or a SPIFFE id in
            another place.
    """
    try:
        names = subject_alternative_names(certificate)
        texts = [str(attribute.value) for attribute in certificate.subject]
    except UNREADABLE:
        raise IdentityError("the client's certificate is malformed") from None
    # (2) Exactly one name: libraries differ in which of several they would show.
    if len(names) != 1 or not isinstance(names[0], x509.UniformResourceIdentifier):
        raise IdentityError("the client's certificate must carry exactly one name, its SPIFFE id")
    if any("spiffe:" in text.lower() for text in texts):
        raise IdentityError("the client's certificate carries a SPIFFE id outside its SAN")
    return Subject.parse(names[0].value, trust_domain)


def _single(auth_context: Mapping[str, object], key: str) -> bytes:
    values = auth_context.get(key)
    if isinstance(values, list | tuple) and len(values) == 1 and isinstance(values[0], bytes):
        return values[0]
    return b""


@lru_cache(maxsize=_PARSED_MAX)
def _parsed(leaf: bytes, chain: bytes, trust_domain: str) -> tuple[Peer, int]:
    """The peer, and since when its certificate is valid; a refusal is never cached."""
    try:
        certificate = x509.load_pem_x509_certificate(leaf)
        others = x509.load_pem_x509_certificates(chain) if chain else []
    except UNREADABLE:
        raise IdentityError("the client's certificate is malformed") from None
    subject = subject_of(certificate, trust_domain)
    try:
        return _peer(subject, certificate, others)
    except UNREADABLE:
        raise IdentityError("the client's certificate chain is malformed") from None


def _peer(
    subject: Subject, certificate: x509.Certificate, others: list[x509.Certificate]
) -> tuple[Peer, int]:
    if constraints.is_authority(certificate):
        raise IdentityError("an authority's certificate cannot make calls")
    issuers = [other for other in others if constraints.issued(certificate, other)]
    # Whatever path the handshake took, no issuer shown here may be one that cannot name this department.
    if not all(constraints.may_name(issuer, subject.id) for issuer in issuers):
        raise IdentityError("the client's certificate was issued by another department's authority")
    links = [certificate, *issuers]
    not_before_us = max(microseconds(link.not_valid_before_utc) for link in links)
    not_after_us = min(microseconds(link.not_valid_after_utc) for link in links)
    return Peer(subject, certificate, not_after_us), not_before_us
