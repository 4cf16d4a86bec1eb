"""A certificate in words, for people and programs that look at one."""

from __future__ import annotations

from cryptography import x509

from exchange.model.base import Frozen
from exchange.security.credentials import subject_alternative_names
from exchange.security.pki import constraints


class Description(Frozen):
    """What a certificate says.

    Attributes:
        role: authority or leaf.
        subject, issuer: distinguished names (RFC 4514).
        names: subject alternative names, in their order.
        permitted: what an authority may name; empty for a leaf, and for a root, which may name all.
        not_before, not_after: ISO 8601, UTC.
        serial: hexadecimal.
    """

    role: str
    subject: str
    issuer: str
    names: tuple[str, ...]
    permitted: tuple[str, ...]
    not_before: str
    not_after: str
    serial: str


def describe(certificate: x509.Certificate) -> Description:
    """The certificate in words."""
    try:
        permitted = certificate.extensions.get_extension_for_class(
            x509.NameConstraints
        ).value.permitted_subtrees
    except x509.ExtensionNotFound:
        permitted = None
    return Description(
        role="authority" if constraints.is_authority(certificate) else "leaf",
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        names=tuple(str(name.value) for name in subject_alternative_names(certificate)),
        permitted=tuple(str(name.value) for name in permitted or ()),
        not_before=certificate.not_valid_before_utc.isoformat(),
        not_after=certificate.not_valid_after_utc.isoformat(),
        serial=f"{certificate.serial_number:x}",
    )
