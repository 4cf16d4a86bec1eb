"""The connections of one client: to the broker, and to each connector once it is needed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import grpc

from exchange.client.settings import ClientSettings
from exchange.errors import ConfigError, IdentityError
from exchange.model.clock import Clock, SystemClock
from exchange.model.subject import CITY, Kind, Subject
from exchange.security.credentials import load_identity, load_roots
from exchange.security.identity import subject_of
from exchange.security.receipts import Trust
from exchange.security.signing import StatementSigner
from exchange.security.tls import Option, channel

CONNECTORS_MAX = 256
_PLAIN_MESSAGES_ONLY: tuple[Option, ...] = (
    # A compressed message is not unpacked: a few bytes could become any number (T65).
    ("grpc.per_message_decompression", 0),
)


class Session:
    """Channels and identity of one client; safe to use from many threads.

    Raises:
        ConfigError: a key or certificate is missing, unsafe, malformed, expired, or of another city.
    """

    def __init__(self, settings: ClientSettings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        now_us = clock.now_us()
        identity = load_identity(settings.tls, now_us)
        try:
            self.subject: Subject = subject_of(identity.leaf, settings.trust_domain)
        except IdentityError as error:
            raise ConfigError(
                f"{settings.tls.identity_chain}: {error.public}",
                hint="compare `trust_domain` with the certificate: exchange pki show",
            ) from None
        self.signer = StatementSigner(identity.key, identity.leaf, identity.chain[1:])
        # a receipt carries its issuers, so the roots are all a consumer needs to believe one
        self.trust = Trust(load_roots(settings.tls.roots, now_us), (), settings.trust_domain)
        self._lock = threading.Lock()
        self._connectors: dict[tuple[str, str], grpc.Channel] = {}
        self._closed = False
        self._broker = self._channel(f"dns:///{settings.broker}", CITY, Kind.BROKER)

    @property
    def broker(self) -> grpc.Channel:
        """The channel to the broker.

        Raises:
            ConfigError: the session is closed; gRPC itself would crash the process on a closed channel.
        """
        with self._lock:
            self._check_open()
            return self._broker

    def connector(self, target: str, department: str) -> grpc.Channel:
        """The channel to a department's connector at this target; opened once, then kept.

        Raises:
            ConfigError: the session is closed.
        """
        with self._lock:
            self._check_open()
            key = (target, department)
            if key not in self._connectors:
                if len(self._connectors) >= CONNECTORS_MAX:
                    # Connectors that move leave their channels behind; the oldest goes first.
                    self._connectors.pop(next(iter(self._connectors))).close()
                self._connectors[key] = self._channel(target, department, Kind.CONNECTOR)
            return self._connectors[key]

    def close(self) -> None:
        """Close every channel; idempotent."""
        with self._lock:
            self._closed = True
            for opened in (self._broker, *self._connectors.values()):
                opened.close()
            self._connectors.clear()

    def _check_open(self) -> None:
        if self._closed:
            raise ConfigError("this city is closed", hint="read within `with exchange.connect(...) as city`")

    def _channel(self, target: str, department: str, kind: Kind) -> grpc.Channel:
        settings = self.settings
        size = ("grpc.max_receive_message_length", settings.limits.batch_bytes_max + 4096)
        options = (*_PLAIN_MESSAGES_ONLY, size) if kind is Kind.CONNECTOR else ()
        return channel(
            target, settings.tls, department, kind, settings.trust_domain, options, clock=self.clock
        )


@contextmanager
def steward_session(settings: ClientSettings, clock: Clock | None, deed: str) -> Iterator[Session]:
    """The connections of a steward; closed at the end.

    Args:
        settings: of the steward.
        clock: for the certificate's dates; None takes the machine's.
        deed: what only a steward does, for the error ("publishes").

    Raises:
        ConfigError: as `Session`, or the certificate is not a steward's.
    """
    session = Session(settings, clock or SystemClock())
    try:
        if session.subject.kind is not Kind.STEWARD:
            raise ConfigError(
                f"only a steward {deed}; this certificate is {session.subject.id}",
                hint="name the steward's configuration with --config",
            )
        yield session
    finally:
        session.close()
