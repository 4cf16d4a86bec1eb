"""Step 6 refused: no data, one record that says why, and an answer that tells a reason and an id."""

from __future__ import annotations

import time
from collections.abc import Callable

import grpc
import pytest
from certified import DOMAIN
from connector_house import CONSUMER, SCHEMA, House, read
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from grpc_health.v1 import health_pb2, health_pb2_grpc
from pyarrow import flight as stock

from exchange.errors import IdentityError
from exchange.model.subject import Kind
from exchange.security.credentials import load_identity
from exchange.security.tickets import TicketSigner
from exchange.security.tls import flight_options
from exchange.wire import flight
from exchange.wire.status import error_of


def _now_s() -> int:
    return int(time.time())


STRANGER = TicketSigner(Ed25519PrivateKey.from_private_bytes(b"\x09" * 32))

REFUSED: dict[str, Callable[[House], bytes]] = {
    "ticket-malformed": lambda _: b"not a ticket",
    "ticket-key-unknown": lambda house: STRANGER.sign(house.ticket()),
    "ticket-expired": lambda house: house.token(
        issued_at=_now_s() - 100, expires_at=_now_s() - 40, stream_until=_now_s() + 600
    ),
    "ticket-not-yet-valid": lambda house: house.token(
        issued_at=_now_s() + 100, expires_at=_now_s() + 160, stream_until=_now_s() + 600
    ),
    "ticket-subject": lambda house: house.token(subject=f"spiffe://press.{DOMAIN}/system/desk"),
    "ticket-dataset": lambda house: house.token(dataset="port.ships"),
    "ticket-schema": lambda house: house.token(schema_digest="00" * 32),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_a_ticket_that_does_not_hold_is_refused_with_a_record(
    house: House, line: grpc.Channel, reason: str
) -> None:
    got = read(line, REFUSED[reason](house))

    assert (got.raw, got.reason) == ([], reason)
    (record,) = house.statements()
    assert (record.kind, record.reason, record.subject) == ("refusal", reason, CONSUMER)
    assert got.error is not None
    assert len(got.error.id) == 32


def test_a_ticket_whose_signature_held_is_named_in_the_refusal(house: House, line: grpc.Channel) -> None:
    ticket = house.ticket(schema_digest="00" * 32)
    got = read(line, house.signer.sign(ticket))

    (record,) = house.statements()
    assert got.error is not None
    assert record.ticket == got.error.id == ticket.id


def test_an_unverified_ticket_lends_its_id_to_no_record(house: House, line: grpc.Channel) -> None:
    read(line, STRANGER.sign(house.ticket()))

    (record,) = house.statements()
    assert record.ticket == ""


def test_a_ticket_works_once(house: House, line: grpc.Channel) -> None:
    token = house.token()
    assert read(line, token).error is None
    again = read(line, token)

    assert (again.raw, again.reason) == ([], "ticket-used")
    assert house.said() == [("start", ""), ("end", "complete"), ("refusal", "ticket-used")]


def test_a_refused_ticket_is_not_used_up(house: House, line: grpc.Channel) -> None:
    token = house.token()
    house.connector._skew.compare(0, _now_s() * 1_000_000, _now_s() * 1_000_000)
    assert read(line, token).reason == "clock-skew"
    house.connector._skew.compare(_now_s(), _now_s(), _now_s())

    assert read(line, token).error is None


@pytest.mark.parametrize("kind", [Kind.CONNECTOR, Kind.STEWARD])
def test_only_systems_read(house: House, kind: Kind) -> None:
    who = house.someone("emergency", kind)
    with house.channel(who) as line:
        got = read(line, house.token())

    assert (got.raw, got.reason) == ([], "not-served")
    assert house.said() == [("refusal", "not-served")]


def test_a_ticket_that_outlives_the_certificate_is_refused(house: House, line: grpc.Channel) -> None:
    lifetime_s = 300
    leaf_ends_s = _leaf_ends_s(house)
    house.clock.offset_s = leaf_ends_s - time.time() - 60
    at_s = int(leaf_ends_s) - 60
    got = read(
        line, house.token(issued_at=at_s, expires_at=at_s + lifetime_s, stream_until=at_s + lifetime_s)
    )

    assert (got.raw, got.reason) == ([], "ticket-certificate")


def test_an_expired_certificate_on_a_warm_channel_is_refused_with_a_record(
    house: House, line: grpc.Channel
) -> None:
    assert read(line, house.token()).error is None
    house.clock.offset_s = _leaf_ends_s(house) - time.time() + 1
    got = read(line, house.token())

    assert isinstance(got.error, IdentityError)
    assert got.raw == []
    assert house.said()[-1] == ("refusal", "identity-refused")


def _leaf_ends_s(house: House) -> float:
    credential = load_identity(house.dispatch(), time.time_ns() // 1000)
    return credential.not_after_us / 1e6


UNSERVED = [verb for verb in flight.VERBS if verb != "DoGet"]


@pytest.mark.parametrize("verb", UNSERVED)
def test_every_other_verb_is_refused_with_a_record(house: House, line: grpc.Channel, verb: str) -> None:
    path = flight.path(verb)
    with pytest.raises(grpc.RpcError) as failed:
        if verb in flight.UNARY:
            line.unary_unary(path)(b"", timeout=20)
        elif verb in flight.UNARY_STREAM:
            list(line.unary_stream(path)(b"", timeout=20))
        else:
            list(line.stream_stream(path)(iter([b""]), timeout=20))

    error = error_of(failed.value, doing="asking")
    assert failed.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert error.stable_reason == "not-served"
    (record,) = house.statements()
    assert (record.call, record.reason, record.subject) == (verb, "not-served", CONSUMER)


STOCK: dict[str, Callable[[stock.FlightClient], object]] = {
    "Handshake": lambda client: client.authenticate_basic_token("user", "password"),
    "ListFlights": lambda client: list(client.list_flights()),
    "GetFlightInfo": lambda client: client.get_flight_info(stock.FlightDescriptor.for_path("port.flights")),
    "GetSchema": lambda client: client.get_schema(stock.FlightDescriptor.for_path("port.flights")),
    "DoAction": lambda client: list(client.do_action(stock.Action("x", b""))),
    "ListActions": lambda client: client.list_actions(),
    "DoPut": lambda client: client.do_put(stock.FlightDescriptor.for_path("x"), SCHEMA)[1].read(),
    "DoExchange": lambda client: client.do_exchange(stock.FlightDescriptor.for_path("x"))[1].read_all(),
}


def test_the_list_of_verbs_is_the_one_of_the_stock_client() -> None:
    # pyarrow's client has no call for PollFlightInfo
    assert set(STOCK) | {"PollFlightInfo", "DoGet"} == set(flight.VERBS)


@pytest.mark.parametrize("verb", STOCK)
def test_a_stock_client_is_refused_every_other_verb(house: House, verb: str) -> None:
    options = flight_options(house.dispatch(), "port", Kind.CONNECTOR, DOMAIN)
    with (
        stock.connect(f"grpc+tls://{house.connector.location}", **options) as client,
        pytest.raises((stock.FlightError, OSError)) as failed,
    ):
        STOCK[verb](client)

    assert "not-served" in str(failed.value)
    assert house.said() == [("refusal", "not-served")]


def test_health_is_answered(house: House, line: grpc.Channel) -> None:
    answer = health_pb2_grpc.HealthStub(line).Check(health_pb2.HealthCheckRequest(), timeout=20)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_a_call_that_is_no_ticket_at_all_is_refused(house: House, line: grpc.Channel) -> None:
    call = line.unary_stream(flight.path("DoGet"))(b"\xff\xff\xff", timeout=20)
    with pytest.raises(grpc.RpcError) as failed:
        list(call)

    assert error_of(failed.value, doing="reading").stable_reason == "ticket-malformed"
    assert house.said() == [("refusal", "ticket-malformed")]
