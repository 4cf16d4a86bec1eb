"""Mutual TLS for every server and every client; there is no way to build either without it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import grpc

from exchange.errors import ConfigError
from exchange.model.clock import Clock, SystemClock
from exchange.model.subject import Kind, server_name
from exchange.security import files
from exchange.security.credentials import TlsSettings, load_identity, load_listener, load_roots

_LOG = logging.getLogger(__name__)

MESSAGE_BYTES_MAX = 64 * 1024 * 1024
KEEPALIVE_S = 30
KEEPALIVE_TIMEOUT_S = 10
HANDSHAKE_S_MAX = 10
IDLE_S_MAX = 600

Option = tuple[str, Any]


def server_credentials(settings: TlsSettings, clock: Clock | None = None) -> grpc.ServerCredentials:
    """Credentials of a server that demands a client certificate of the city (T1).

    The files are looked at again on every new connection, so that renewing them needs no restart. While new
    ones cannot be used, the last good ones keep serving and the log says why.

    Raises:
        ConfigError: a file is missing, unsafe, malformed, expired, or the settings name no listener.
    """
    reader = _ListenerFiles(settings, clock or SystemClock())
    fetch = cast("Any", reader.fetch)  # the stubs forget that None means "no change"
    return grpc.dynamic_ssl_server_credentials(reader.load(), fetch, require_client_authentication=True)


def channel(
    target: str,
    settings: TlsSettings,
    department: str,
    kind: Kind,
    trust_domain: str,
    options: Sequence[Option] = (),
    *,
    clock: Clock | None = None,
) -> grpc.Channel:
    """A channel to one department's broker or connector.

    The server must prove that name, whatever address was dialled: an address never stands for an identity.
    The files are read once; a process that runs for longer than its certificate opens a new channel.

    Args:
        target: `host:port`.
        settings: of this process.
        department: whom the caller means to reach.
        kind: its broker or its connector.
        trust_domain: of this city.
        options: gRPC channel options in addition; they cannot change whom the server must be.
        clock: for the check of the certificate's dates.

    Raises:
        ConfigError: a file is missing, unsafe, malformed or expired.
    """
    now_us = (clock or SystemClock()).now_us()
    identity = load_identity(settings, now_us)
    load_roots(settings.roots, now_us)
    credentials = grpc.ssl_channel_credentials(
        root_certificates=files.read_public(settings.roots),
        private_key=identity.key_pem,
        certificate_chain=identity.chain_pem,
    )
    merged = _CHANNEL_OPTIONS | dict(options)
    merged["grpc.ssl_target_name_override"] = server_name(trust_domain, department, kind)
    return grpc.secure_channel(target, credentials, options=list(merged.items()))


_CHANNEL_OPTIONS: dict[str, Any] = {
    "grpc.max_receive_message_length": MESSAGE_BYTES_MAX,
    "grpc.max_send_message_length": MESSAGE_BYTES_MAX,
    # A peer that vanished without a FIN is noticed while a call waits for it (F12).
    "grpc.keepalive_time_ms": KEEPALIVE_S * 1000,
    "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT_S * 1000,
    # The environment's proxy is meant for the web; departments are reached directly.
    "grpc.enable_http_proxy": 0,
}


def server_options(message_bytes_max: int) -> list[Option]:
    """Options of a gRPC server that fit `channel`: limits on messages, and keepalive in both directions."""
    return [
        ("grpc.max_receive_message_length", message_bytes_max),
        ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
        ("grpc.keepalive_time_ms", KEEPALIVE_S * 1000),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_S * 1000),
        # Who connects without a word, and who keeps a connection without a use for it (T66).
        ("grpc.server_handshake_timeout_ms", HANDSHAKE_S_MAX * 1000),
        ("grpc.max_connection_idle_ms", IDLE_S_MAX * 1000),
        # Half of the clients' interval, or their pings would be taken for abuse.
        ("grpc.http2.min_ping_interval_without_data_ms", KEEPALIVE_S * 500),
        # Two servers on one port would share its connections; the second one shall fail instead (F23).
        ("grpc.so_reuseport", 0),
    ]


def flight_options(settings: TlsSettings, department: str, kind: Kind, trust_domain: str) -> dict[str, Any]:
    """Keyword arguments with which a stock `pyarrow.flight.FlightClient` reaches a department.

    Raises:
        ConfigError: a file cannot be read.
    """
    return {
        "tls_root_certs": files.read_public(settings.roots),
        "cert_chain": files.read_public(settings.identity_chain),
        "private_key": files.read_private(settings.identity_key),
        "override_hostname": server_name(trust_domain, department, kind),
    }


class _ListenerFiles:
    """The listener's files as they were last good; gRPC asks from its own threads."""

    def __init__(self, settings: TlsSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._seen = self._stamp()
        self._complaint = ""

    def load(self) -> grpc.ServerCertificateConfiguration:
        """The files' content, checked.

        Raises:
            ConfigError: they cannot be used.
        """
        now_us = self._clock.now_us()
        listener = load_listener(self._settings, now_us)
        load_roots(self._settings.roots, now_us)
        return grpc.ssl_server_certificate_configuration(
            [(listener.key_pem, listener.chain_pem)],
            root_certificates=files.read_public(self._settings.roots),
        )

    def fetch(self) -> grpc.ServerCertificateConfiguration | None:
        """What changed since last time; None where nothing did or where the new files cannot be used yet."""
        with self._lock:
            stamp = self._stamp()
            if stamp == self._seen:
                return None
            try:
                configuration = self.load()
            except ConfigError as error:
                # The stamp stays unseen, so that the next connection tries again: a renewal may be half-way.
                self._complain(error)
                return None
            self._seen, self._complaint = stamp, ""
            _LOG.info("serving with renewed certificates")
            return configuration

    def _complain(self, error: ConfigError) -> None:
        if str(error) != self._complaint:
            self._complaint = str(error)
            _LOG.error("new certificate files cannot be used, the old ones keep serving: %s", error)

    def _stamp(self) -> tuple[tuple[int, int, int] | None, ...]:
        settings = self._settings
        paths = (settings.listener_key, settings.listener_chain, settings.roots)
        return tuple(_stamp(path) if path is not None else None for path in paths)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
