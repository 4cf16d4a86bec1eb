"""A small city of certificates for tests: the real authority, real files, and a real mutual-TLS server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
from cryptography import x509

from exchange.model.subject import Kind, Subject, spiffe_id
from exchange.security.credentials import TlsSettings
from exchange.security.identity import peer_of
from exchange.security.pki.authority import Issuer
from exchange.security.pki.authority_store import AuthorityStore
from exchange.security.pki.enrolment import enrol
from exchange.security.pki.pem import parse_key
from exchange.security.tls import server_credentials

DOMAIN = "zhongshui.example"
DAY_US = 24 * 3600 * 1_000_000
WHO = "/test.Who/AmI"


def now_us() -> int:
    """Handshakes look at the machine's own clock, so certificates of tests are made by it."""
    return time.time_ns() // 1000


def subject(department: str, kind: Kind, name: str = "") -> Subject:
    """The subject of this trust domain."""
    return Subject.parse(spiffe_id(DOMAIN, department, kind, name), DOMAIN)


def settings_in(folder: Path) -> TlsSettings:
    """The TLS settings of a process whose folder was filled by `exchange pki issue`."""
    listener = (folder / "listener.pem").exists()
    return TlsSettings(
        identity_key=folder / "identity.key",
        identity_chain=folder / "identity.pem",
        roots=folder / "roots.pem",
        listener_key=folder / "listener.key" if listener else None,
        listener_chain=folder / "listener.pem" if listener else None,
    )


@dataclass
class City:
    """An authority and the folders it filled."""

    store: AuthorityStore
    base: Path

    def actor(
        self,
        department: str,
        kind: Kind = Kind.SYSTEM,
        name: str = "desk",
        *,
        at_us: int | None = None,
        hosts: tuple[str, ...] = (),
    ) -> TlsSettings:
        """A process with fresh certificates, as if issued at that time."""
        if department not in self.store.departments():
            self.store.add_department(department, now_us() - 100 * DAY_US)
        who = subject(department, kind, name if kind in {Kind.SYSTEM, Kind.STEWARD, Kind.AUDITOR} else "")
        folder = self.base / f"{department}-{kind}-{who.name}-{at_us or 0}"
        enrol(self.store, who, list(hosts), folder, at_us if at_us is not None else now_us())
        return settings_in(folder)

    def authority_of(self, department: str) -> Issuer:
        """A department's authority with its key, as a rogue department would use it."""
        place = self.store.folder / "departments" / department
        key, certificate = place / "intermediate.key", place / "intermediate.pem"
        authority = x509.load_pem_x509_certificate(certificate.read_bytes())
        return Issuer(authority, parse_key(key.read_bytes(), key))


def make_city(base: Path) -> City:
    """A city founded a hundred days ago, so that certificates of the past can be made too."""
    return City(AuthorityStore.create(base / "authority", DOMAIN, now_us() - 100 * DAY_US), base)


@contextmanager
def who_server(settings: TlsSettings) -> Iterator[int]:
    """A server of one method, which answers with the caller's SPIFFE id; its port on 127.0.0.1."""

    def who(_: bytes, context: grpc.ServicerContext) -> bytes:
        return peer_of(context.auth_context(), DOMAIN, now_us()).subject.id.encode()

    handler = grpc.method_handlers_generic_handler(
        "test.Who", {"AmI": grpc.unary_unary_rpc_method_handler(who)}
    )
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2), handlers=[handler])
    port = server.add_secure_port("127.0.0.1:0", server_credentials(settings))
    server.start()
    try:
        yield port
    finally:
        server.stop(grace=None).wait()


def ask(channel: grpc.Channel) -> str:
    """The caller's SPIFFE id as the server sees it; grpc.RpcError where there is no answer."""
    with channel:
        return channel.unary_unary(WHO)(b"", timeout=10, wait_for_ready=False).decode()
