"""Which names a certificate authority may vouch for (RFC 5280 §4.2.1.10), applied to SPIFFE ids.

TLS libraries enforce the same in the handshake. It is checked again where no handshake is in play: on every
call of a warm channel, and when a signed statement is read long afterwards.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature

if TYPE_CHECKING:
    from collections.abc import Iterable


def may_name(authority: x509.Certificate, spiffe_id: str) -> bool:
    """Whether the authority's name constraints, if it has any, permit this SPIFFE id."""
    try:
        constraints = authority.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return True
    host = urlsplit(spiffe_id).netloc
    permitted, excluded = _uris(constraints.permitted_subtrees), _uris(constraints.excluded_subtrees)
    if any(_within(host, constraint) for constraint in excluded):
        return False
    return not permitted or any(_within(host, constraint) for constraint in permitted)


@lru_cache(maxsize=4096)
def issued(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Whether the authority's key signed the certificate and the authority may sign certificates at all.

    Remembered, because every receipt asks it of the same few certificates; it can never change.
    """
    try:
        if not is_authority(authority):
            return False
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def is_authority(certificate: x509.Certificate) -> bool:
    """Whether the certificate is marked as one that may issue others."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def may_stand_above(authority: x509.Certificate, authorities: int) -> bool:
    """Whether the authority's path length allows so many other authorities below it (RFC 5280 §4.2.1.9)."""
    try:
        constraint = authority.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return False
    return constraint.ca and (constraint.path_length is None or authorities <= constraint.path_length)


def _uris(subtrees: Iterable[x509.GeneralName] | None) -> list[str]:
    return [name.value for name in subtrees or () if isinstance(name, x509.UniformResourceIdentifier)]


def _within(host: str, constraint: str) -> bool:
    """RFC 5280: a leading dot means the hosts below; otherwise exactly this host."""
    return host.endswith(constraint) if constraint.startswith(".") else host == constraint
