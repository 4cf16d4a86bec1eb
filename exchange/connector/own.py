"""The connector's own name and signature, by whichever certificate it holds at the moment."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from exchange.connector.settings import ConnectorSettings
from exchange.errors import ConfigError, ExchangeError, IdentityError
from exchange.model.clock import Clock
from exchange.model.receipt import Receipt, Statement
from exchange.model.subject import Kind
from exchange.security.credentials import load_identity
from exchange.security.identity import subject_of
from exchange.security.signing import StatementSigner

_log = logging.getLogger(__name__)

_Stamp = tuple[tuple[int, int] | None, ...]


class OwnIdentity:
    """Signs statements; renewed files come into use with the next statement, without a restart.

    While new files cannot be used, the last good ones go on signing and the log says why.

    Raises:
        ConfigError: the files cannot be used, or the certificate is not this connector's.
    """

    def __init__(self, settings: ConnectorSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._seen = self._stamp()
        self._signer, self.id = self._load()
        self._complaint = ""

    def sign(self, statement: Statement) -> Receipt:
        """The statement with its signature."""
        return self._current().sign(statement)

    def _current(self) -> StatementSigner:
        with self._lock:
            stamp = self._stamp()
            if stamp != self._seen:
                self._renew(stamp)
            return self._signer

    def _renew(self, stamp: _Stamp) -> None:
        try:
            self._signer, _ = self._load()
            self._seen, self._complaint = stamp, ""
        except ExchangeError as error:
            # The stamp stays unseen, so that the next statement tries again: a renewal may be half-way.
            if str(error) != self._complaint:
                self._complaint = str(error)
                _log.error("new certificate files cannot be used, the old ones go on signing: %s", error)

    def _load(self) -> tuple[StatementSigner, str]:
        settings = self._settings
        identity = load_identity(settings.tls, self._clock.now_us())
        try:
            subject = subject_of(identity.leaf, settings.trust_domain)
        except IdentityError as error:
            raise ConfigError(
                f"{settings.tls.identity_chain}: {error.public}",
                hint="compare `trust_domain` with the certificate: exchange pki show",
            ) from None
        if (subject.kind, subject.department) != (Kind.CONNECTOR, settings.department):
            raise ConfigError(
                f"{settings.tls.identity_chain} is the certificate of {subject.id}",
                hint=f"a connector of {settings.department} needs one of its own: exchange pki issue",
            )
        return StatementSigner(identity.key, identity.leaf, identity.chain[1:]), subject.id

    def _stamp(self) -> _Stamp:
        return _stamp(self._settings.tls.identity_key), _stamp(self._settings.tls.identity_chain)


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns
