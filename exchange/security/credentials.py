"""A process's keys and certificates, loaded from files; refused where they are unsafe or could not work."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from exchange.config import FilePath, Settings
from exchange.errors import ConfigError
from exchange.security import files
from exchange.security.pki import constraints
from exchange.security.pki.pem import parse_certificates, parse_key

REREADS = 2
REREAD_PAUSE_S = 0.02
RENEW_HINT = "exchange pki renew FOLDER --authority DIR"


class TlsSettings(Settings):
    """Where a process finds its certificates. There is no key that would turn verification off (T2).

    Attributes:
        identity_key: private key (PEM, mode 0600) of the process as a client; it also signs its statements.
        identity_chain: certificate with exactly one SAN, the SPIFFE id; then its intermediate.
        roots: certificates of the authorities the city trusts.
        listener_key, listener_chain: the same two files for the process as a server; a client needs none.
    """

    identity_key: FilePath
    identity_chain: FilePath
    roots: FilePath
    listener_key: FilePath | None = None
    listener_chain: FilePath | None = None


@dataclass(frozen=True)
class Credential:
    """A private key and its certificate chain, leaf first, and both as the PEM bytes that were read."""

    key: ec.EllipticCurvePrivateKey
    chain: tuple[x509.Certificate, ...]
    key_pem: bytes
    chain_pem: bytes

    @property
    def leaf(self) -> x509.Certificate:
        """The holder's own certificate."""
        return self.chain[0]

    @property
    def not_after_us(self) -> int:
        """When the first certificate of the chain expires, in unix microseconds."""
        return min(microseconds(certificate.not_valid_after_utc) for certificate in self.chain)


def load_identity(settings: TlsSettings, now_us: int) -> Credential:
    """The credential a process shows as a client and signs its statements with.

    Raises:
        ConfigError: a file is missing, unsafe, malformed, expired, or does not fit the other.
    """
    credential = load(settings.identity_key, settings.identity_chain, now_us)
    names = subject_alternative_names(credential.leaf)
    if len(names) != 1 or not isinstance(names[0], x509.UniformResourceIdentifier):
        raise ConfigError(
            f"{settings.identity_chain} must carry one name, a SPIFFE id; it carries {len(names)} names",
            hint="`exchange pki issue` writes such certificates",
        )
    return credential


def load_listener(settings: TlsSettings, now_us: int) -> Credential:
    """The credential a process shows as a server.

    Raises:
        ConfigError: as `load_identity`, or the settings name no listener.
    """
    if settings.listener_key is None or settings.listener_chain is None:
        raise ConfigError(
            "a server needs `listener_key` and `listener_chain` in its [tls] table",
            hint="`exchange pki issue` writes both for a broker or a connector",
        )
    return load(settings.listener_key, settings.listener_chain, now_us)


def load_roots(path: Path, now_us: int) -> tuple[x509.Certificate, ...]:
    """The authorities a process trusts; an expired one may stand beside a valid one during a change.

    Raises:
        ConfigError: missing, not PEM, holds what is no authority, or none that is valid now.
    """
    roots = parse_certificates(files.read_public(path), path)
    if not all(map(constraints.is_authority, roots)):
        raise ConfigError(f"{path} holds a certificate that is no authority", hint="only roots belong there")
    if not any(_valid(root, now_us) for root in roots):
        raise ConfigError(f"{path}: every authority in it has expired or is not yet valid")
    return roots


def load(key: Path, chain: Path, now_us: int) -> Credential:
    """A key and its chain, checked against each other and the clock.

    Raises:
        ConfigError: a file is missing, the key is readable by others, one is not PEM, the key does not match
            the certificate, the chain is out of order, a certificate is not valid now, or the leaf names two
            SPIFFE ids.
    """
    credential = _read(key, chain)
    for _ in range(REREADS):
        if credential.leaf.public_key() == credential.key.public_key():
            break
        # A renewal renames the two files one after the other; we may have looked between.
        time.sleep(REREAD_PAUSE_S)
        credential = _read(key, chain)
    _check_chain(credential.chain, chain)
    if credential.leaf.public_key() != credential.key.public_key():
        raise ConfigError(f"{key} is not the key of the certificate in {chain}", hint=f"{RENEW_HINT} --force")
    for certificate in credential.chain:
        _check_dates(certificate, chain, now_us)
    return credential


def _read(key: Path, chain: Path) -> Credential:
    key_pem, chain_pem = files.read_private(key), files.read_public(chain)
    return Credential(parse_key(key_pem, key), parse_certificates(chain_pem, chain), key_pem, chain_pem)


def subject_alternative_names(certificate: x509.Certificate) -> tuple[x509.GeneralName, ...]:
    """The names the certificate carries, in their order; none if it has no such extension."""
    try:
        return tuple(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return ()


def microseconds(moment: datetime) -> int:
    """Unix microseconds of an aware time."""
    return round(moment.timestamp()) * 1_000_000


def moment(at_us: int) -> datetime:
    """The time in UTC, whole seconds, as certificates state it."""
    return datetime.fromtimestamp(at_us // 1_000_000, UTC)


def _check_chain(chain: tuple[x509.Certificate, ...], path: Path) -> None:
    if constraints.is_authority(chain[0]):
        raise ConfigError(
            f"{path} begins with an authority's certificate", hint="put the leaf first, then its intermediate"
        )
    for certificate, issuer in pairwise(chain):
        if not constraints.issued(certificate, issuer):
            raise ConfigError(
                f"{path} is out of order: a certificate in it is not followed by its issuer",
                hint="put the leaf first, then its intermediate",
            )
    uris = [
        name
        for name in subject_alternative_names(chain[0])
        if isinstance(name, x509.UniformResourceIdentifier)
    ]
    if len(uris) > 1:
        raise ConfigError(f"{path} names {len(uris)} SPIFFE ids; one certificate stands for one actor")


def _check_dates(certificate: x509.Certificate, path: Path, now_us: int) -> None:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now_us < microseconds(begin):
        raise ConfigError(
            f"{path} holds a certificate that is valid only from {begin:%Y-%m-%d %H:%M:%S} UTC;"
            f" this machine's clock says {moment(now_us):%Y-%m-%d %H:%M:%S}",
            hint="check the clock of this machine",
        )
    if now_us >= microseconds(end):
        raise ConfigError(
            f"{path} holds a certificate that expired at {end:%Y-%m-%d %H:%M:%S} UTC;"
            f" this machine's clock says {moment(now_us):%Y-%m-%d %H:%M:%S}",
            hint=RENEW_HINT,
        )


def _valid(certificate: x509.Certificate, now_us: int) -> bool:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return microseconds(begin) <= now_us < microseconds(end)
