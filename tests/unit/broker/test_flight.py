"""The Flight front with nothing but the stock client of pyarrow."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest
import small_city
from broker_house import House, question
from certified import DOMAIN
from pyarrow import flight

from exchange.model.subject import CITY, Kind
from exchange.security.credentials import TlsSettings
from exchange.security.tls import flight_options
from exchange.wire.access import command_to_bytes

READ = flight.FlightDescriptor.for_path("port.flights", "emergency-response")


def client_of(house: House, who: TlsSettings) -> flight.FlightClient:
    options = flight_options(who, CITY, Kind.BROKER, DOMAIN)
    return flight.FlightClient(f"grpc+tls://127.0.0.1:{house.running.port}", **options)


@pytest.fixture
def client(house: House) -> Iterator[flight.FlightClient]:
    with client_of(house, house.actor("emergency")) as found:
        yield found


def test_flight_info_by_path_gives_schema_endpoint_and_ticket(
    house: House, client: flight.FlightClient
) -> None:
    info = client.get_flight_info(READ)
    (endpoint,) = info.endpoints
    assert [location.uri for location in endpoint.locations] == [b"grpc+tls://127.0.0.1:7501"]
    assert info.schema.field("tailnum").type == pa.string()
    assert "crew" not in info.schema.names
    (record,) = house.records("decision", decision="allow")
    assert record["action"] == "read"
    assert endpoint.ticket.ticket.startswith(b"v4.public.")


def test_flight_info_by_command_takes_columns_and_predicate(
    house: House, client: flight.FlightClient
) -> None:
    command = command_to_bytes(question(columns=("delay",), where="delay > 60"))
    info = client.get_flight_info(flight.FlightDescriptor.for_command(command))
    assert info.schema.names == ["delay"]
    (record,) = house.records("decision", decision="allow")
    assert record["predicate"] == '"delay" > ?'


def test_purpose_may_stand_in_the_metadata(client: flight.FlightClient) -> None:
    options = flight.FlightCallOptions(headers=[(b"exchange-purpose", b"emergency-response")])
    info = client.get_flight_info(flight.FlightDescriptor.for_path("port.flights"), options)
    assert len(info.endpoints) == 1


def test_schema_is_described_on_record_and_without_a_ticket(
    house: House, client: flight.FlightClient
) -> None:
    schema = client.get_schema(READ).schema
    assert schema.names == ["origin", "dest", "tailnum", "delay", "at"]
    (record,) = house.records("decision")
    assert (record["action"], record["decision"], record["expires"]) == ("describe", "allow", "")
    assert house.tickets_issued() == 0


def test_schema_that_is_not_granted_is_refused_and_recorded(
    house: House, client: flight.FlightClient
) -> None:
    # pyarrow raises its Flight errors as plain OSError from this one method
    with pytest.raises(OSError, match="not-granted"):
        client.get_schema(flight.FlightDescriptor.for_path("port.flights", "stewardship"))
    (record,) = house.records("decision")
    assert (record["action"], record["decision"]) == ("describe", "deny")


def test_listing_shows_what_the_caller_may_see_without_tickets(client: flight.FlightClient) -> None:
    (info,) = client.list_flights()
    assert info.descriptor.path == [b"port.flights"]
    assert info.endpoints == []


def test_listing_is_empty_for_who_holds_no_grant(house: House) -> None:
    with client_of(house, house.actor("press", name="desk")) as press:
        assert list(press.list_flights()) == []


@pytest.mark.parametrize(
    "descriptor",
    [
        flight.FlightDescriptor.for_command(b"\xff\xff"),
        flight.FlightDescriptor.for_path(),
        flight.FlightDescriptor.for_path("a", "b", "c"),
        flight.FlightDescriptor.for_path(b"\xff\xfe", b"x"),
        flight.FlightDescriptor.for_path("port.flights"),
    ],
)
def test_malformed_descriptor_is_refused_and_recorded(
    house: House, client: flight.FlightClient, descriptor: flight.FlightDescriptor
) -> None:
    with pytest.raises(pa.ArrowInvalid, match="request-invalid"):
        client.get_flight_info(descriptor)
    (record,) = house.records("decision")
    assert (record["decision"], record["reason"]) == ("deny", "request-invalid")
    assert house.tickets_issued() == 0


def test_every_other_verb_is_refused_and_recorded(house: House, client: flight.FlightClient) -> None:
    ticket = flight.Ticket(b"anything")
    schema = pa.schema([("a", pa.int64())])

    def put() -> None:
        client.do_put(READ, schema)[0].close()

    def exchange() -> None:
        client.do_exchange(READ)[1].read_all()

    calls = {
        "DoGet": lambda: client.do_get(ticket).read_all(),
        "DoAction": lambda: list(client.do_action(flight.Action("x", b""))),
        "ListActions": client.list_actions,
        "DoPut": put,
        "DoExchange": exchange,
        "Handshake": lambda: client.authenticate_basic_token("a", "b"),
    }
    for verb, call in calls.items():
        with pytest.raises(flight.FlightError) as caught:
            call()
        assert "call-refused" in str(caught.value), verb
    called = [record["call"].rpartition("/")[2] for record in house.records("administration")]
    assert called == list(calls)
    assert small_city.FLIGHTS.id not in str(house.records("decision"))
