"""The steward's side of the wire: a department's policy files, signed, put into force."""

from __future__ import annotations

from pathlib import Path

from exchange.client.session import Session
from exchange.client.settings import ClientSettings
from exchange.errors import ConfigError
from exchange.model.base import Frozen
from exchange.model.clock import Clock, SystemClock
from exchange.model.subject import Kind
from exchange.policy.files.publication import publish_files
from exchange.wire import publishing
from exchange.wire.publishing import PUBLICATION, publication_claims

PUBLISH_S = 60.0
"""How long the broker may take: it checks the whole city and lets older requests finish."""


class Published(Frozen):
    """What came into force.

    Attributes:
        department: whose files.
        files: their paths below the department's folder.
        previous: the revision before.
        revision: now in force.
        digest: SHA-256 (hex) of the whole bundle.
    """

    department: str
    files: tuple[str, ...]
    previous: int
    revision: int
    digest: str


def publish(settings: ClientSettings, folder: Path, message: str, *, clock: Clock | None = None) -> Published:
    """Check the folder here, sign the department's files, and put them into force at the broker.

    Args:
        settings: of a steward; the department is the certificate's.
        folder: the whole policy tree, with city.toml.
        message: why, for the audit log.
        clock: for the certificate's dates.

    Raises:
        ConfigError: the certificate is not a steward's.
        PolicyInvalid: a file is wrong, or the revision moved on meanwhile; nothing was changed.
        ExchangeError: what the broker answered, typed.
    """
    session = Session(settings, clock or SystemClock())
    try:
        subject = session.subject
        if subject.kind is not Kind.STEWARD:
            raise ConfigError(
                f"only a steward publishes; this certificate is {subject.id}",
                hint="name the steward's configuration with --config",
            )
        files = publish_files(folder, subject.department)
        ask_s = settings.limits.ask_s
        previous, _ = publishing.revision_in_force(session.broker, timeout_s=ask_s)
        claims = publication_claims(subject.department, files, message, previous)
        signed = session.signer.sign_canonical(PUBLICATION, claims)
        revision, digest = publishing.publish(session.broker, files, message, signed, timeout_s=PUBLISH_S)
    finally:
        session.close()
    return Published(
        department=subject.department,
        files=tuple(sorted(files)),
        previous=previous,
        revision=revision,
        digest=digest,
    )
