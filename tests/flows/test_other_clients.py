"""Clients that are not ours: stock pyarrow Flight, and reflection as grpcurl uses it."""

from __future__ import annotations

import json
import subprocess

import outside_tools
import pyarrow as pa
import pyarrow.flight as fl
import pytest
from towns import eventually, recorded

from examples.city.acts import records
from examples.city.town import Town
from exchange.client.access import build_request
from exchange.model.subject import CITY
from exchange.wire.access import command_to_bytes


def stock_client(town: Town, name: str, location: str) -> fl.FlightClient:
    tls = town.folder / "clients" / name
    return fl.FlightClient(
        location,
        tls_root_certs=(tls / "roots.pem").read_bytes(),
        cert_chain=(tls / "identity.pem").read_bytes(),
        private_key=(tls / "identity.key").read_bytes(),
    )


def broker_of(town: Town) -> str:
    return f"grpc+tls://127.0.0.1:{town.ports[CITY]}"


def test_a_stock_flight_client_lists_plans_and_reads(town: Town) -> None:
    with stock_client(town, "dispatch", broker_of(town)) as broker:
        listed = {info.descriptor.path[0].decode() for info in broker.list_flights()}
        assert listed == {"port.flights", "weather.observations", "registry.aircraft"}
        descriptor = fl.FlightDescriptor.for_path("port.flights", "emergency-response")
        schema = broker.get_schema(descriptor).schema
        info = broker.get_flight_info(descriptor)
    assert info.schema == schema
    assert info.total_records == info.total_bytes == -1
    (endpoint,) = info.endpoints
    (location,) = endpoint.locations
    with stock_client(town, "dispatch", location.uri.decode()) as connector:
        table = connector.do_get(endpoint.ticket).read_all()
        assert table.schema == schema
        assert table.num_rows > 0
        with pytest.raises(fl.FlightError):
            connector.do_get(endpoint.ticket).read_all()


def test_a_command_descriptor_carries_columns_predicate_and_limit(town: Town) -> None:
    request = build_request(
        "port.flights", "emergency-response", columns=["dest"], where="dest = 'LAX'", limit=3
    )
    with stock_client(town, "dispatch", broker_of(town)) as broker:
        info = broker.get_flight_info(fl.FlightDescriptor.for_command(command_to_bytes(request)))
    (endpoint,) = info.endpoints
    with stock_client(town, "dispatch", endpoint.locations[0].uri.decode()) as connector:
        assert connector.do_get(endpoint.ticket).read_all().to_pydict() == {"dest": ["LAX"] * 3}


def test_a_stock_client_is_refused_like_any_other(town: Town) -> None:
    before = len(records(town))
    with stock_client(town, "desk", broker_of(town)) as broker:
        assert list(broker.list_flights()) == []
        descriptor = fl.FlightDescriptor.for_path("port.flights", "press-inquiry")
        for call in (broker.get_flight_info, broker.get_schema):
            with pytest.raises((fl.FlightUnauthorizedError, OSError), match="not-granted"):
                call(descriptor)
    denied = [e for e in records(town)[before:] if e["kind"] == "decision" and e["decision"] == "deny"]
    assert [e["action"] for e in denied] == ["read", "describe"]


def _put(client: fl.FlightClient, descriptor: fl.FlightDescriptor) -> None:
    writer, _ = client.do_put(descriptor, pa.schema([]))
    writer.close()


def _exchange(client: fl.FlightClient, descriptor: fl.FlightDescriptor) -> None:
    _, reader = client.do_exchange(descriptor)
    reader.read_all()


@pytest.mark.parametrize("server", [CITY, "port"])
def test_every_verb_that_is_not_needed_is_refused(town: Town, server: str) -> None:
    location = f"grpc+tls://127.0.0.1:{town.ports[server]}"
    with stock_client(town, "dispatch", location) as client:
        descriptor = fl.FlightDescriptor.for_path("port.flights")
        calls = {
            "DoAction": lambda: list(client.do_action(fl.Action("drop", b""))),
            "ListActions": client.list_actions,
            "DoPut": lambda: _put(client, descriptor),
            "DoExchange": lambda: _exchange(client, descriptor),
            "Handshake": lambda: client.authenticate_basic_token("a", "b"),
        }
        if server == CITY:
            calls["DoGet"] = lambda: client.do_get(fl.Ticket(b"x")).read_all()
        else:
            calls["ListFlights"] = lambda: list(client.list_flights())
            calls["GetFlightInfo"] = lambda: client.get_flight_info(descriptor)
            calls["GetSchema"] = lambda: client.get_schema(descriptor)
        for verb, call in calls.items():
            before = len(records(town))
            with pytest.raises((fl.FlightError, pa.ArrowException, OSError)):
                call()
            eventually(lambda verb=verb, before=before: any(verb in str(e) for e in records(town)[before:]))


@pytest.mark.needs("grpcurl")
def test_reflection_describes_the_services(town: Town) -> None:
    grpcurl = outside_tools.find("grpcurl")
    tls = town.folder / "clients" / "dispatch"
    base = [
        grpcurl,
        "-cacert",
        tls / "roots.pem",
        "-cert",
        tls / "identity.pem",
        "-key",
        tls / "identity.key",
    ]
    address = f"127.0.0.1:{town.ports[CITY]}"

    def ask(*arguments: str) -> str:
        command = [*map(str, base), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout

    services = ask(address, "list").split()
    assert {"exchange.v1.AccessService", "exchange.v1.CatalogueService", "grpc.health.v1.Health"} <= set(
        services
    )
    assert "rpc RequestAccess" in ask(address, "describe", "exchange.v1.AccessService")
    answer = json.loads(ask("-d", "{}", address, "exchange.v1.CatalogueService/ListDatasets"))
    assert len(answer["datasets"]) == 3


def test_a_stock_client_leaves_start_and_end_but_no_receipt(town: Town) -> None:
    with stock_client(town, "lab", broker_of(town)) as broker:
        before = len(records(town))
        info = broker.get_flight_info(fl.FlightDescriptor.for_path("registry.aircraft", "transport-research"))
        (decision,) = [e for e in records(town)[before:] if e["kind"] == "decision"]
    (endpoint,) = info.endpoints
    with stock_client(town, "lab", endpoint.locations[0].uri.decode()) as connector:
        connector.do_get(endpoint.ticket).read_all()
    eventually(lambda: recorded(town, decision["id"], "end"))
    assert [e["kind"] for e in recorded(town, decision["id"])] == ["decision", "start", "end"]
