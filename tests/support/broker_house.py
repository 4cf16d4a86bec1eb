"""A broker for tests: the real one over real mutual TLS, on the small city's policies."""

from __future__ import annotations

import json
import sqlite3
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import small_city
from certified import DOMAIN, City, make_city, settings_in

from exchange.broker.server import Broker
from exchange.broker.settings import BrokerSettings, Limits, WitnessSettings
from exchange.model.dataset import Dataset
from exchange.model.receipt import End, Outcome, Receipt, Received, Start, Statement
from exchange.model.request import ReadRequest
from exchange.model.subject import CITY, Kind
from exchange.model.ticket import Ticket
from exchange.security.credentials import TlsSettings, load_identity
from exchange.security.identity import subject_of
from exchange.security.signing import StatementSigner
from exchange.security.tickets import TicketVerifier
from exchange.security.tls import channel
from exchange.wire import asking, clients, publishing, revisions
from exchange.wire.asking import Grant

TIMEOUT_S = 20
LOCATION = "127.0.0.1:7501"
DIGEST = "ab" * 32


class ShiftedClock:
    """The machine's clock, set forward or back by a test; certificates are real and so is the handshake."""

    def __init__(self) -> None:
        self.offset_s = 0.0
        self.steady_offset_s = 0.0

    def now_us(self) -> int:
        return time.time_ns() // 1000 + int(self.offset_s * 1e6)

    def monotonic_s(self) -> float:
        return time.monotonic() + self.steady_offset_s


@dataclass
class House:
    """One broker that a test starts, stops and asks."""

    city: City
    folder: Path
    settings: BrokerSettings
    clock: ShiftedClock = field(default_factory=ShiftedClock)
    broker: Broker | None = None
    _channels: dict[str, grpc.Channel] = field(default_factory=dict)

    def start(self) -> None:
        self.broker = Broker(self.settings, self.clock)
        self.broker.start()

    def stop(self) -> None:
        for one in self._channels.values():
            one.close()
        self._channels.clear()
        if self.broker is not None:
            self.broker.stop(grace_s=1)
            self.broker = None

    def restart(self) -> None:
        self.stop()
        self.start()

    @property
    def running(self) -> Broker:
        assert self.broker is not None
        return self.broker

    def actor(self, department: str, kind: Kind = Kind.SYSTEM, name: str = "dispatch") -> TlsSettings:
        return actor(self.city, department, kind, name)

    def channel(self, who: TlsSettings) -> grpc.Channel:
        """A channel to the broker as this actor, shared for the test."""
        known = str(who.identity_chain)
        if known not in self._channels:
            target = f"127.0.0.1:{self.running.port}"
            self._channels[known] = channel(target, who, CITY, Kind.BROKER, DOMAIN)
        return self._channels[known]

    def dispatch(self) -> grpc.Channel:
        """The consumer that holds a grant for port.flights."""
        return self.channel(self.actor("emergency"))

    def connector(self, department: str = "port") -> grpc.Channel:
        return self.channel(self.actor(department, Kind.CONNECTOR))

    def register(self, *datasets: Dataset, location: str = LOCATION, department: str = "port") -> None:
        offered = datasets or (small_city.FLIGHTS,)
        clients.register(self.connector(department), location, offered, timeout_s=TIMEOUT_S)

    def ask(self, line: grpc.Channel | None = None, **changes: Any) -> Grant:
        """Ask for access; port.flights for emergency-response unless changed."""
        return asking.request_access(line or self.dispatch(), question(**changes), timeout_s=TIMEOUT_S)

    def ticket(self, grant: Grant, audience: str = "port") -> Ticket:
        """The claims in a grant's ticket, as its connector reads them."""
        keys = self.running._parts.keys.ticket_keys
        return TicketVerifier(keys, audience).verify(grant.ticket, self.clock.now_us() / 1e6)

    def signer(self, who: TlsSettings) -> StatementSigner:
        credential = load_identity(who, time.time_ns() // 1000)
        return StatementSigner(credential.key, credential.leaf, credential.chain[1:])

    def submit(self, who: TlsSettings, *statements: Statement) -> tuple[str, ...]:
        """Sign these statements as this actor and hand them in."""
        signer = self.signer(who)
        return self.hand_in(who, *(signer.sign(statement) for statement in statements))

    def hand_in(self, who: TlsSettings, *receipts: Receipt) -> tuple[str, ...]:
        return clients.submit_receipts(self.channel(who), receipts, timeout_s=TIMEOUT_S)

    def publish(self, who: TlsSettings, files: Mapping[str, bytes], **changes: Any) -> tuple[int, str]:
        """Publish as this steward; `signed_files`, `seen`, `department`, `by` change what is signed."""
        line = self.channel(who)
        seen = changes.get("seen") or revisions.get_revision(line, timeout_s=TIMEOUT_S).revision
        by = changes.get("by", who)
        claims = publishing.publication_claims(
            changes.get("department", "port"),
            changes.get("signed_files", files),
            "why",
            seen,
            signer=changes.get("signer")
            or subject_of(load_identity(by, time.time_ns() // 1000).leaf, DOMAIN).id,
            created="2026-06-01T12:00:00.000000Z",
        )
        signed = self.signer(by).sign_canonical(publishing.PUBLICATION, claims)
        signed = changes.get("receipt", signed)
        return publishing.publish(line, files, "why", signed, timeout_s=TIMEOUT_S)

    def records(self, kind: str = "", **wanted: Any) -> list[dict[str, Any]]:
        """The audit log's records of this kind whose fields have these values."""
        log = self.running._parts.log
        found = [json.loads(line) for line in log.read(log.first)]
        return [
            record
            for record in found
            if (not kind or record["kind"] == kind)
            and all(record.get(key) == value for key, value in wanted.items())
        ]

    def denial(self, access_id: str) -> dict[str, Any]:
        """The one record of a denial; fails the test if there is none or it allows."""
        (record,) = self.records("decision", id=access_id)
        assert record["decision"] == "deny"
        return record

    def tickets_issued(self) -> int:
        query = "SELECT count(*) FROM ticket"
        if self.broker is not None:
            store = self.running._parts.store
            return int(store.read(lambda connection: connection.execute(query).fetchone()[0]))
        with closing(sqlite3.connect(self.settings.state / "broker.sqlite")) as connection:
            return int(connection.execute(query).fetchone()[0])


def actor(city: City, department: str, kind: Kind, name: str = "dispatch") -> TlsSettings:
    """The process's certificates; made once for each city, which a whole test session shares."""
    own = name if kind in {Kind.SYSTEM, Kind.STEWARD, Kind.AUDITOR} else ""
    folder = city.base / f"{department}-{kind}-{own}-0"
    return settings_in(folder) if folder.exists() else city.actor(department, kind, name)


def question(**changes: Any) -> ReadRequest:
    asked = {"dataset": "port.flights", "purpose": "emergency-response", "trace_id": uuid.uuid4().hex}
    return ReadRequest(**{**asked, **changes})


def port_files(**changes: str) -> dict[str, bytes]:
    """The port's own policy files, by path below its folder; `grants`, `obligations`, `rego` replace one."""
    names = {"datasets": "datasets.toml", "grants": "grants.csv", "obligations": "obligations.toml"}
    files = {name: small_city.FILES[f"departments/port/{name}"].encode() for name in names.values()}
    return files | {names[key]: text.encode() for key, text in changes.items()}


def start(grant: Grant, connector: str, subject: str = small_city.DISPATCH) -> Start:
    return Start(
        ticket=grant.id, connector=connector, subject=subject, dataset="port.flights", at_us=1_000_000
    )


def end(grant: Grant, connector: str, rows: int = 10) -> End:
    return End(
        ticket=grant.id,
        connector=connector,
        rows=rows,
        bytes=1,
        batches=1,
        digest=DIGEST,
        outcome=Outcome.COMPLETE,
        started_us=1_000_000,
        ended_us=2_000_000,
    )


def received(grant: Grant, consumer: str = small_city.DISPATCH, rows: int = 10) -> Received:
    return Received(
        ticket=grant.id,
        consumer=consumer,
        rows=rows,
        bytes=1,
        batches=1,
        digest=DIGEST,
        outcome=Outcome.COMPLETE,
        at_us=2_000_000,
    )


@contextmanager
def open_house(
    city: City,
    folder: Path,
    policy: Mapping[str, str] | None = None,
    limits: Limits | None = None,
    witnesses: WitnessSettings | None = None,
) -> Iterator[House]:
    """A running broker on these policies, with the port's flights registered."""
    for path, content in small_city.files(policy).items():
        file = folder / "policies" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    folder.mkdir(exist_ok=True)
    settings = BrokerSettings(
        trust_domain=DOMAIN,
        listen="127.0.0.1:0",
        state=folder / "state",
        audit=folder / "audit",
        policies=folder / "policies",
        tls=actor(city, CITY, Kind.BROKER),
        limits=limits or Limits(workers=8),
        witnesses=witnesses or WitnessSettings(),
    )
    house = House(city, folder, settings)
    house.start()
    try:
        house.register()
        yield house
    finally:
        house.stop()


@contextmanager
def fresh_house(
    folder: Path, policy: Mapping[str, str] | None = None, limits: Limits | None = None
) -> Iterator[House]:
    """A house in a city of its own."""
    with open_house(make_city(folder / "city"), folder, policy, limits) as house:
        yield house
