"""PEM text to keys and certificates, and back; what does not parse is said by file name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from exchange.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CERTIFICATES_MAX = 100

UNREADABLE: tuple[type[Exception], ...] = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What `cryptography` raises on malformed certificates, some of it only when an extension is looked at."""


def parse_certificates(content: bytes, path: Path) -> tuple[x509.Certificate, ...]:
    """The certificates of a PEM file, in their order; at least one.

    Raises:
        ConfigError: none, too many, or not PEM.
    """
    try:
        certificates = tuple(x509.load_pem_x509_certificates(content))
        for certificate in certificates:
            certificate.extensions  # noqa: B018  # parsed lazily; a malformed one shall fail here
    except UNREADABLE:
        raise ConfigError(f"{path} is not a PEM certificate file") from None
    if len(certificates) > CERTIFICATES_MAX:
        raise ConfigError(f"{path} holds more than {CERTIFICATES_MAX} certificates")
    return certificates


def parse_key(content: bytes, path: Path) -> ec.EllipticCurvePrivateKey:
    """The ECDSA P-256 private key of a PEM file.

    Raises:
        ConfigError: not PEM, protected by a password, or of another kind.
    """
    try:
        key = serialization.load_pem_private_key(content, password=None)
    except TypeError:
        raise ConfigError(
            f"{path} is protected by a password", hint="processes start alone; guard the file by its mode"
        ) from None
    except UNREADABLE:
        raise ConfigError(f"{path} is not a PEM private key") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ConfigError(f"{path} is not an ECDSA P-256 key", hint="the exchange signs with P-256 only")
    return key


def new_key() -> ec.EllipticCurvePrivateKey:
    """A fresh ECDSA P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The key as PKCS #8 PEM, without a password."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def chain_pem(certificates: Sequence[x509.Certificate]) -> bytes:
    """The certificates as PEM, in the order given."""
    return b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in certificates)
