"""A process's folder of keys and certificates: filled once, renewed in place."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from cryptography import x509

from exchange.errors import IdentityError, PkiError
from exchange.model.subject import Subject
from exchange.security import files
from exchange.security.credentials import microseconds, subject_alternative_names
from exchange.security.identity import subject_of
from exchange.security.pki.authority import LEAF_HOURS
from exchange.security.pki.authority_store import AuthorityStore
from exchange.security.pki.pem import parse_certificates

RENEW_FRACTION = 3
"""Renewal is due once less than one part in so many of a certificate's lifetime remains."""


def enrol(
    store: AuthorityStore,
    subject: Subject,
    hosts: list[str],
    out: Path,
    now_us: int,
    *,
    hours: float = LEAF_HOURS,
) -> list[Path]:
    """Issue keys and certificates into a folder that holds none yet; the files written.

    Raises:
        PkiError: the folder holds an identity already, or the authority refuses.
        ConfigError: the folder cannot be written.
    """
    for name in ("identity.key", "identity.pem", "listener.key", "listener.pem"):
        if (out / name).exists():
            raise PkiError(f"{out / name} exists already", hint=f"exchange pki renew {out} --authority DIR")
    contents = store.issue(subject, hosts, now_us, hours=hours)
    files.make_folder(out)
    files.replace({out / name: content for name, content in contents.items()})
    return sorted(out / name for name in contents)


def renewal_due(folder: Path, now_us: int) -> bool:
    """Whether less than a third of the lifetime of a certificate in the folder remains.

    Raises:
        ConfigError: there is no certificate, or it is malformed.
    """
    return any(_due(_leaf(path), now_us) for path in (_identity(folder), _listener(folder)) if path.exists())


def renew(store: AuthorityStore, folder: Path, now_us: int, *, hours: float = LEAF_HOURS) -> list[Path]:
    """Replace keys and certificates by fresh ones with the same names; the files written.

    A server reads the new files at its next connection. Key and chain are renamed one after the other: who
    reads between the two sees a pair that does not match, keeps its old one and looks again.

    Args:
        store: the authority that issued them.
        folder: of the process.
        now_us: unix microseconds.
        hours: lifetime of the fresh ones.

    Raises:
        PkiError: the certificates name nobody of this authority's city, or the authority refuses.
        ConfigError: a file is missing, malformed, or cannot be written.
    """
    identity = _leaf(_identity(folder))
    try:
        subject = subject_of(identity, store.trust_domain)
    except IdentityError as error:
        raise PkiError(f"{_identity(folder)} cannot be renewed here: {error.public}") from None
    hosts = _hosts(_leaf(_listener(folder))) if _listener(folder).exists() else []
    contents = store.issue(subject, hosts, now_us, hours=hours)
    files.replace({folder / name: content for name, content in contents.items()})
    return sorted(folder / name for name in contents)


def _identity(folder: Path) -> Path:
    return folder / "identity.pem"


def _listener(folder: Path) -> Path:
    return folder / "listener.pem"


def _leaf(path: Path) -> x509.Certificate:
    return parse_certificates(files.read_public(path), path)[0]


def _due(certificate: x509.Certificate, now_us: int) -> bool:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    left = timedelta(microseconds=microseconds(end) - now_us)
    return left < (end - begin) / RENEW_FRACTION


def _hosts(certificate: x509.Certificate) -> list[str]:
    return [
        str(name.value)
        for name in subject_alternative_names(certificate)
        if not isinstance(name, x509.UniformResourceIdentifier)
    ]
