"""A broker and a connector of a few lines each, over real mutual TLS, that a test can make lie."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pyarrow as pa
import pytest

from exchange.client.city import City
from exchange.client.settings import ClientSettings, Limits
from exchange.client.tally import Tally
from exchange.errors import ExchangeError
from exchange.model.clock import SystemClock
from exchange.model.dataset import Column
from exchange.model.receipt import End, Outcome, Receipt, Received
from exchange.model.request import ReadRequest
from exchange.model.subject import Kind, Subject, spiffe_id
from exchange.security.credentials import TlsSettings, load_identity
from exchange.security.pki import enrolment
from exchange.security.pki.authority_store import AuthorityStore
from exchange.security.signing import StatementSigner
from exchange.security.tls import server_credentials
from exchange.wire import flight, serving
from exchange.wire.asking import Entry, Grant, Offer

DOMAIN = "zhongshui.example"
SCHEMA = pa.schema([("origin", pa.string()), ("delay", pa.int64())])
COLUMNS = (Column(name="origin", type="string"), Column(name="delay", type="int64"))


def batch(rows: int, start: int = 0) -> pa.RecordBatch:
    delays = list(range(start, start + rows))
    return pa.record_batch([pa.array([f"港{n}" for n in delays]), pa.array(delays)], schema=SCHEMA)


BATCHES = (batch(3), batch(2, 3))


@dataclass(frozen=True)
class Actor:
    """A set of certificate files."""

    tls: TlsSettings
    spiffe_id: str

    def signer(self, issuers: Actor | None) -> StatementSigner:
        identity = load_identity(self.tls, SystemClock().now_us())
        shown = load_identity(issuers.tls, SystemClock().now_us()).chain[1:] if issuers else ()
        return StatementSigner(identity.key, identity.leaf, shown)


@pytest.fixture(scope="session")
def actors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Actor]:
    folder = tmp_path_factory.mktemp("pki")
    now_us = SystemClock().now_us()
    store = AuthorityStore.create(folder / "authority", DOMAIN, now_us)
    for department in ("port", "weather", "emergency"):
        store.add_department(department, now_us)

    def issue(department: str, kind: Kind, name: str = "") -> Actor:
        subject = Subject.parse(spiffe_id(DOMAIN, department, kind, name), DOMAIN)
        place = folder / f"{department}-{kind}"
        listens = kind in {Kind.BROKER, Kind.CONNECTOR}
        enrolment.enrol(store, subject, ["127.0.0.1"] if listens else [], place, now_us)
        tls = TlsSettings(
            identity_key=place / "identity.key",
            identity_chain=place / "identity.pem",
            roots=place / "roots.pem",
            listener_key=place / "listener.key" if listens else None,
            listener_chain=place / "listener.pem" if listens else None,
        )
        return Actor(tls, subject.id)

    return {
        "broker": issue("city", Kind.BROKER),
        "port": issue("port", Kind.CONNECTOR),
        "port-system": issue("port", Kind.SYSTEM, "ops"),
        "weather": issue("weather", Kind.CONNECTOR),
        "emergency": issue("emergency", Kind.SYSTEM, "dispatch"),
    }


def schema_message(schema: pa.Schema = SCHEMA) -> bytes:
    return flight.encode(flight.ipc_parts(schema.serialize()))


def parts(record_batch: pa.RecordBatch) -> flight.Data:
    return flight.ipc_parts(record_batch.serialize())


def second_message(table: pa.Table, options: pa.ipc.IpcWriteOptions | None = None) -> bytes:
    """What follows the schema when pyarrow writes the table as an IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    reader = pa.ipc.MessageReader.open_stream(sink.getvalue())
    reader.read_next_message()
    return flight.encode(flight.ipc_parts(reader.read_next_message().serialize()))


@dataclass
class World:
    """A small city whose parts do what a test says.

    `stream` yields the messages of a DoGet; `speaker` signs its end; `offers` and `columns` are what the
    broker promises; `received` is what the consumer reported.
    """

    actors: dict[str, Actor]
    columns: tuple[Column, ...] = COLUMNS
    offers: tuple[Offer, ...] = ()
    location: str = ""
    speaker: str = "port"
    issuers: str | None = "port"
    access_error: ExchangeError | None = None
    expires_us: int = 4_102_444_800_000_000
    calls_for_many: int = 0
    receipt_errors: list[ExchangeError] = field(default_factory=list)
    grants: list[str] = field(default_factory=list)
    requests: list[ReadRequest] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    cancelled: list[bool] = field(default_factory=list)
    stream: Callable[[World, grpc.ServicerContext], Iterator[bytes]] = field(default=lambda w, c: w.whole())
    servers: list[grpc.Server] = field(default_factory=list)
    broker_location: str = ""

    # what an honest connector sends

    def whole(self, *batches: pa.RecordBatch, **end: Any) -> Iterator[bytes]:
        yield schema_message()
        sent = batches or BATCHES
        yield from (flight.encode(parts(each)) for each in sent)
        yield self.trailer(*sent, **end)

    def trailer(self, *batches: pa.RecordBatch, **changes: Any) -> bytes:
        closing = parts(batch(0))
        receipt = self.end(*batches, **changes).model_dump_json().encode()
        return flight.encode(flight.Data(header=closing.header, body=closing.body, app_metadata=receipt))

    def end(self, *batches: pa.RecordBatch, **changes: Any) -> Receipt:
        tally = Tally()
        for each in batches:
            tally.add(parts(each), each.num_rows)
        actor = self.actors[self.speaker]
        values: dict[str, Any] = {
            "ticket": self.grants[-1],
            "connector": actor.spiffe_id,
            "rows": tally.rows,
            "bytes": tally.bytes,
            "batches": tally.batches,
            "digest": tally.digest,
            "outcome": Outcome.COMPLETE,
            "started_us": 1,
            "ended_us": 2,
        }
        issuers = self.actors[self.issuers] if self.issuers else None
        return actor.signer(issuers).sign(End(**(values | changes)))

    # the two servers

    def start(self) -> None:
        for name, handlers in (("broker", self._broker()), ("port", [self._connector()])):
            server = grpc.server(futures.ThreadPoolExecutor(8))
            server.add_generic_rpc_handlers(handlers)
            port = server.add_secure_port("127.0.0.1:0", server_credentials(self.actors[name].tls))
            server.start()
            self.servers.append(server)
            if name == "broker":
                self.broker_location = f"127.0.0.1:{port}"
            else:
                self.location = f"127.0.0.1:{port}"
        self.offers = (Offer(location=self.location, department="port"),)

    def stop(self) -> None:
        for server in self.servers:
            server.stop(0).wait()

    def client(self, state: Path | None = None, **limits: Any) -> City:
        settings = ClientSettings(
            trust_domain=DOMAIN,
            broker=self.broker_location,
            state=state,
            tls=self.actors["emergency"].tls,
            limits=Limits(**limits),
        )
        return City(settings)

    def _broker(self) -> list[Any]:
        def access(parse: Callable[[], ReadRequest], _call: Any) -> Grant:
            self.requests.append(parse())
            if self.access_error:
                raise self.access_error
            self.grants.append(uuid.uuid4().hex)
            return Grant(
                id=self.grants[-1],
                ticket=b"v4.public.ticket",
                offers=self.offers,
                columns=self.columns,
                revision=7,
                audit_index=41,
                expires_us=0,
                trace_id="0" * 32,
            )

        def many(asked: Sequence[Callable[[], ReadRequest]], call: Any) -> list[Grant | ExchangeError]:
            self.calls_for_many += 1
            answers: list[Grant | ExchangeError] = []
            for parse in asked:
                try:
                    answers.append(access(parse, call).model_copy(update={"expires_us": self.expires_us}))
                except ExchangeError as error:
                    answers.append(error)
            return answers

        def receipts(parse: Callable[[], tuple[Receipt, ...]], _call: Any) -> list[serving.Taken]:
            if self.receipt_errors:
                raise self.receipt_errors.pop(0)
            for receipt in parse():
                self.received.append(Received.model_validate_json(receipt.statement))
            return [serving.Taken(audit_index=n) for n, _ in enumerate(parse())]

        entry = Entry(
            id="port.flights",
            title="进出港航班",
            department="port",
            purposes=("emergency-response",),
            columns=COLUMNS,
            availability="serving",
        )
        return [
            serving.access_service(access, many),
            serving.receipt_service(receipts),
            serving.catalogue_service(lambda _call: ((entry,), 7)),
        ]

    def _connector(self) -> Any:
        def do_get(_request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
            context.add_callback(lambda: self.cancelled.append(True))
            yield from self.stream(self, context)

        handler = grpc.unary_stream_rpc_method_handler(do_get)
        return grpc.method_handlers_generic_handler(flight.SERVICE, {"DoGet": handler})


@pytest.fixture
def world(actors: dict[str, Actor]) -> Iterator[World]:
    city = World(actors)
    city.start()
    yield city
    city.stop()


@pytest.fixture
def city(world: World) -> Iterator[City]:
    with world.client() as opened:
        yield opened


def endless(make: Callable[[], bytes]) -> Iterator[bytes]:
    return (make() for _ in itertools.count())
