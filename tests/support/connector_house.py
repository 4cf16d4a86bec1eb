"""A connector for tests: the real one over real mutual TLS, with a source in memory that a test disturbs."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pyarrow as pa
from certified import DOMAIN, City, make_city
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pyarrow.flight import Ticket as FlightTicket

from exchange.connector.records.journal import Journal
from exchange.connector.server import Connector
from exchange.connector.settings import ConnectorSettings
from exchange.errors import ConfigError, ExchangeError, NotRegistered, Unavailable
from exchange.model.clock import SystemClock
from exchange.model.dataset import Dataset
from exchange.model.obligation import ColumnRule, Obligations
from exchange.model.receipt import End, Receipt, Statement
from exchange.model.subject import Kind, spiffe_id
from exchange.model.ticket import Ticket
from exchange.security.credentials import TlsSettings
from exchange.security.identity import peer_of
from exchange.security.signing import embedded_certificate, verify_receipt
from exchange.security.tickets import TicketSigner
from exchange.security.tls import channel, server_credentials
from exchange.wire import clients, flight, serving
from exchange.wire.status import error_of

SCHEMA = pa.schema([("origin", pa.string()), ("dep_delay", pa.int64()), ("secret", pa.string())])
CANARY = "CANARY-7f3a"
ROWS = 1000
BATCH_ROWS = 100
CONSUMER = spiffe_id(DOMAIN, "emergency", Kind.SYSTEM, "dispatch")


class ShiftedClock:
    """The machine's clock, set forward or back by a test."""

    def __init__(self) -> None:
        self.offset_s = 0.0

    def now_us(self) -> int:
        return time.time_ns() // 1000 + int(self.offset_s * 1e6)

    def monotonic_s(self) -> float:
        return time.monotonic() + self.offset_s


class MemorySource:
    """One table, `flights`, that yields batch after batch; `before` is called with each batch's number."""

    def __init__(self, rows: int = ROWS, batch_rows: int = BATCH_ROWS) -> None:
        self.table_schema = SCHEMA
        self.rows = rows
        self.batch_rows = batch_rows
        self.before: Callable[[int], None] = lambda _: None
        self.open_scans = 0
        self.closed = False

    def schema(self, table: str) -> pa.Schema:
        if table != "flights":
            raise ConfigError(f"there is no table {table!r}")
        return self.table_schema

    @contextmanager
    def scan(
        self, table: str, columns: Sequence[str], hint: object, batch_rows_max: int
    ) -> Iterator[Iterator[pa.RecordBatch]]:
        assert table == "flights"
        self.open_scans += 1
        try:
            yield self._batches(list(columns), min(self.batch_rows, batch_rows_max))
        finally:
            self.open_scans -= 1

    def close(self) -> None:
        self.closed = True

    def _batches(self, columns: list[str], batch_rows: int) -> Iterator[pa.RecordBatch]:
        for number, start in enumerate(range(0, self.rows, batch_rows)):
            self.before(number)
            count = min(batch_rows, self.rows - start)
            full = {
                "origin": pa.array(["JFK"] * count),
                "dep_delay": pa.array(range(start, start + count), pa.int64()),
                "secret": pa.array([f"{CANARY}-{start}"] * count),
            }
            yield pa.RecordBatch.from_pydict({name: full[name] for name in columns})


@dataclass
class Reading:
    """What a consumer got of one stream."""

    rows: int = 0
    raw: list[bytes] = field(default_factory=list)
    receipt: Receipt | None = None
    error: ExchangeError | None = None

    @property
    def reason(self) -> str:
        return self.error.stable_reason if self.error else ""

    @property
    def end(self) -> End:
        assert self.receipt is not None
        statement = verify_receipt(self.receipt, embedded_certificate(self.receipt))
        assert isinstance(statement, End)
        return statement


@dataclass
class House:
    """A connector of `port`, the keys of its broker, and the certificates of whoever comes."""

    city: City
    settings: ConnectorSettings
    source: MemorySource
    clock: ShiftedClock
    signer: TicketSigner
    connector: Connector

    def ticket(self, **changes: Any) -> Ticket:
        """A ticket that would be admitted, but for the changes."""
        now_s = int(time.time())
        dataset = self.connector._datasets.read("port.flights")
        assert dataset is not None
        claims = {
            "id": uuid.uuid4().hex,
            "subject": CONSUMER,
            "audience": "port",
            "dataset": "port.flights",
            "schema_digest": dataset.dataset.schema_digest,
            "purpose": "emergency-response",
            "obligations": Obligations(columns=(ColumnRule(name="origin"), ColumnRule(name="dep_delay"))),
            "revision": 1,
            "audit_index": 0,
            "issued_at": now_s,
            "expires_at": now_s + 60,
            "stream_until": now_s + 600,
            "trace_id": "0" * 32,
        }
        return Ticket(**(claims | changes))

    def token(self, **changes: Any) -> bytes:
        return self.signer.sign(self.ticket(**changes))

    def dispatch(self) -> TlsSettings:
        """The consumer that `ticket` names."""
        return self.someone("emergency", Kind.SYSTEM, "dispatch")

    def someone(self, department: str, kind: Kind, name: str = "") -> TlsSettings:
        return self.city.actor(department, kind, name or "desk", at_us=time.time_ns() // 1000)

    def channel(self, who: TlsSettings, *, options: tuple[tuple[str, Any], ...] = ()) -> grpc.Channel:
        return channel(self.connector.location, who, "port", Kind.CONNECTOR, DOMAIN, options=options)

    def statements(self) -> list[Statement]:
        """What waits for the broker, each verified with the certificate it carries."""
        pending = self.connector._journal.pending(10_000)
        return [verify_receipt(receipt, embedded_certificate(receipt)) for _, receipt in pending]

    def said(self) -> list[tuple[str, str]]:
        """Kind and ticket or reason of each statement that waits, in order."""
        return [
            (one.kind, one.outcome if one.kind == "end" else getattr(one, "reason", ""))
            for one in self.statements()
        ]

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for what another thread is about to do; fails if it does not."""
        give_up = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < give_up, f"it did not come about; so far: {self.said()}"
            time.sleep(0.01)


def begin(line: grpc.Channel, token: bytes) -> Any:
    """The call that redeems a token; nothing of it is read yet."""
    return line.unary_stream(flight.path("DoGet"))(FlightTicket(token).serialize(), timeout=60)


def read(line: grpc.Channel, token: bytes) -> Reading:
    """Redeem a token and read to the end, whatever end."""
    return read_on(begin(line, token))


def opened(line: grpc.Channel, token: bytes) -> tuple[Any, pa.Schema]:
    """A call of which the schema and one batch are read, and the schema."""
    call = begin(line, token)
    schema = flight.read_schema(flight.decode(next(call)))
    next(call)
    return call, schema


def read_on(call: Any, schema: pa.Schema | None = None) -> Reading:
    """Read what is left of a call; its schema, if it was read already."""
    reading = Reading()
    try:
        for message in call:
            reading.raw.append(message)
            data = flight.decode(message)
            if schema is None:
                schema = flight.read_schema(data)
                continue
            reading.rows += flight.read_batch(data, schema).num_rows
            if len(data.app_metadata):
                reading.receipt = Receipt.model_validate_json(bytes(data.app_metadata))
    except grpc.RpcError as error:
        reading.error = error_of(error, doing="reading")
    return reading


def settings_for(
    folder: Path, tls: TlsSettings, *, broker: str = "127.0.0.1:1", **limits: Any
) -> ConnectorSettings:
    return ConnectorSettings.model_validate(
        {
            "department": "port",
            "trust_domain": DOMAIN,
            "listen": "127.0.0.1:0",
            "broker": broker,
            "state": folder / "state",
            "tls": tls,
            "source": {"kind": "memory"},
            "dataset": ({"name": "flights", "title": "Flights 航班", "table": "flights"},),
            "limits": limits,
        }
    )


SIGNER = TicketSigner(Ed25519PrivateKey.from_private_bytes(b"\x07" * 32))


@contextmanager
def open_house(
    folder: Path,
    *,
    source: MemorySource | None = None,
    city: City | None = None,
    broker: str = "",
    **limits: Any,
) -> Iterator[House]:
    """A serving connector. Without a broker, it knows the ticket key from an earlier run."""
    city = city or make_city(folder)
    tls = city.actor("port", Kind.CONNECTOR, hosts=("127.0.0.1",), at_us=time.time_ns() // 1000)
    settings = settings_for(folder, tls, broker=broker or "127.0.0.1:1", **limits)
    if not broker:
        remember(settings.state, SIGNER)
    house_source, clock = source or MemorySource(), ShiftedClock()
    connector = Connector(settings, source=house_source, clock=clock)
    connector.start()
    try:
        yield House(city, settings, house_source, clock, SIGNER, connector)
    finally:
        connector.stop()


def remember(state: Path, signer: TicketSigner) -> None:
    """Leave the ticket key in the journal, as an earlier run with a broker would have."""
    journal = Journal(state, SystemClock())
    journal.keep_keys({signer.key_id: signer.public_key_bytes})
    journal.close()


class FakeBroker:
    """The broker's two services for connectors, and what they were told; `away` makes every call fail."""

    def __init__(self, city: City, signer: TicketSigner) -> None:
        self.tls = city.actor("city", Kind.BROKER, hosts=("127.0.0.1",), at_us=time.time_ns() // 1000)
        self.keys = {signer.key_id: signer.public_key_bytes}
        self.registered: list[tuple[str, tuple[Dataset, ...]]] = []
        self.forgot = False
        self.beats = 0
        self.receipts: list[Receipt] = []
        self.away = False
        self.ahead_s = 0
        self.refuse: Callable[[Receipt], str] = lambda _: ""
        self.callers: set[str] = set()
        self.settled: clients.Settled | None = None
        self.revision = 1
        self.reviewed: list[str] = []
        self.revokes: Callable[[Ticket], bool] = lambda _: False
        self.address = ""

    @contextmanager
    def serving(self) -> Iterator[FakeBroker]:
        server = grpc.server(ThreadPoolExecutor(4))
        server.add_generic_rpc_handlers(
            (
                serving.connector_service(self._register, self._beat, self._review),
                serving.receipt_service(self._submit),
            )
        )
        self.address = f"127.0.0.1:{server.add_secure_port('127.0.0.1:0', server_credentials(self.tls))}"
        server.start()
        try:
            yield self
        finally:
            server.stop(None).wait()

    def _register(
        self, parse: Callable[[], tuple[str, tuple[Dataset, ...]]], _: object
    ) -> clients.Registered:
        self._present()
        self.registered.append(parse())
        self.forgot = False
        return clients.Registered(keys=self.keys, silent_after_s=1)

    def _beat(self, _location: str, settled: clients.Settled | None, _: object) -> clients.Beat:
        self._present()
        self.settled = settled
        if self.forgot:
            raise NotRegistered("register first")
        self.beats += 1
        return clients.Beat(keys=self.keys, broker_time_us=time.time_ns() // 1000 + self.ahead_s * 1_000_000)

    def _review(self, parse: Callable[[], tuple[Ticket, ...]], _: object) -> clients.Reviewed:
        self._present()
        self.reviewed += [ticket.id for ticket in parse()]
        revoked = frozenset(ticket.id for ticket in parse() if self.revokes(ticket))
        return clients.Reviewed(revision=self.revision, revoked=revoked)

    def _submit(
        self, parse: Callable[[], tuple[Receipt, ...]], context: grpc.ServicerContext
    ) -> list[serving.Taken]:
        self._present()
        self.callers.add(peer_of(context.auth_context(), DOMAIN, time.time_ns() // 1000).subject.id)
        answers = [serving.Taken(refused=self.refuse(receipt)) for receipt in parse()]
        self.receipts += [
            receipt for receipt, answer in zip(parse(), answers, strict=True) if not answer.refused
        ]
        return answers

    def _present(self) -> None:
        if self.away:
            raise Unavailable("the broker is away")
