"""The steward's side of the wire: a department's policy files signed, put into force, seen, undone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from exchange.audit.records.record import moment
from exchange.client import signed_bundle
from exchange.client.session import Session, steward_session
from exchange.client.settings import ClientSettings
from exchange.client.signed_bundle import SignedBundle
from exchange.errors import RequestInvalid
from exchange.model.base import Frozen
from exchange.model.clock import Clock, SystemClock
from exchange.policy.files.publication import publish_files
from exchange.wire import publishing, revisions
from exchange.wire.revisions import History

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
        PolicyInvalid: a file is wrong; nothing was changed.
        RequestInvalid: the revision moved on meanwhile; nothing was changed.
        ExchangeError: what the broker answered, typed.
    """
    with steward_session(settings, clock, "publishes") as session:
        files = publish_files(folder, session.subject.department)
        return _hand_in(session, _signed(session, files, message))


def bundle(
    settings: ClientSettings, folder: Path, message: str, *, clock: Clock | None = None
) -> SignedBundle:
    """As `publish`, but only signed: to be handed in later, by any steward of the department.

    Raises:
        ConfigError, PolicyInvalid, ExchangeError: as `publish`.
    """
    with steward_session(settings, clock, "publishes") as session:
        return _signed(session, publish_files(folder, session.subject.department), message)


def publish_bundle(
    settings: ClientSettings, signed: SignedBundle, *, clock: Clock | None = None
) -> Published:
    """Put a signed bundle into force.

    Raises:
        PolicyInvalid: it is not genuine, or not of the caller's department; nothing was sent.
        RequestInvalid: another revision is in force than when it was signed.
        ExchangeError: what the broker answered, typed.
    """
    with steward_session(settings, clock, "publishes") as session:
        signed_bundle.verify(signed, session.trust, session.clock.now_us())
        return _hand_in(session, signed)


def rollback(
    settings: ClientSettings, revision: int, message: str, *, clock: Clock | None = None
) -> Published:
    """Publish the department's files as they stood in a revision, under a new one; others' are not touched.

    Raises:
        RequestInvalid: there is no such revision, or the department had no files in it.
        ExchangeError: as `publish`; old files must pass the checks of today.
    """
    with steward_session(settings, clock, "publishes") as session:
        files = revisions.get_part(session.broker, revision, timeout_s=settings.limits.ask_s)
        if not files:
            raise RequestInvalid(
                f"{session.subject.department} had no files in revision {revision}",
                hint="exchange policy history lists the revisions",
            )
        return _hand_in(session, _signed(session, files, message))


def history(settings: ClientSettings, count: int, *, clock: Clock | None = None) -> History:
    """The newest revisions, newest first, and the alarm where one stands.

    Raises:
        ExchangeError: what the broker answered, typed.
    """
    session = Session(settings, clock or SystemClock())
    try:
        return revisions.list_revisions(session.broker, count=count, timeout_s=settings.limits.ask_s)
    finally:
        session.close()


def _signed(session: Session, files: Mapping[str, bytes], message: str) -> SignedBundle:
    ask_s = session.settings.limits.ask_s
    return signed_bundle.sign(
        session.signer,
        session.subject,
        files,
        message,
        previous=revisions.get_revision(session.broker, timeout_s=ask_s).revision,
        created=moment(session.clock.now_us()),
    )


def _hand_in(session: Session, signed: SignedBundle) -> Published:
    number, digest = publishing.publish(
        session.broker, signed.files, signed.message, signed.signed, timeout_s=PUBLISH_S
    )
    return Published(
        department=signed.department,
        files=tuple(sorted(signed.files)),
        previous=signed.previous,
        revision=number,
        digest=digest,
    )
