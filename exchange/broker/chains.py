"""The certificates a peer presents, as receipts need them: so that a signature verifies years later."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from exchange.audit.records.kinds import CertificateRecord
from exchange.errors import IdentityError
from exchange.security.credentials import subject_alternative_names
from exchange.security.pki import constraints
from exchange.security.pki.pem import UNREADABLE

CHAIN_MAX = 8


def presented(auth_context: Mapping[str, object]) -> tuple[x509.Certificate, ...]:
    """The chain of a gRPC call's peer, leaf included; nothing but the leaf's own path is verified.

    Raises:
        IdentityError: it is malformed.
    """
    values = auth_context.get("x509_pem_cert_chain")
    pem = values[0] if isinstance(values, list | tuple) and values else b""
    try:
        found = x509.load_pem_x509_certificates(pem) if isinstance(pem, bytes) and pem else []
    except UNREADABLE:
        raise IdentityError("the client's certificate chain is malformed") from None
    return tuple(found[:CHAIN_MAX])


def authorities_of(
    certificate: x509.Certificate, chain: Sequence[x509.Certificate]
) -> tuple[x509.Certificate, ...]:
    """Those of the chain that issued the certificate."""
    return tuple(other for other in chain if constraints.issued(certificate, other))


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 (hex) of its DER."""
    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()


def certificate_record(certificate: x509.Certificate, *, authority: bool) -> CertificateRecord:
    """The record that keeps the certificate in the log."""
    names = subject_alternative_names(certificate)
    subject = "" if authority or not names else str(names[0].value)
    return CertificateRecord(
        subject=subject,
        role="authority" if authority else "signer",
        certificate=fingerprint(certificate),
        der=certificate.public_bytes(Encoding.DER).hex(),
    )
