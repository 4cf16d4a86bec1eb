"""T22: an endpoint that is not the dataset's own connector is refused, and nothing is carried to it."""

from __future__ import annotations

import pytest

from exchange import errors
from exchange.client.city import City
from exchange.client.endpoints import choose
from exchange.wire.asking import Offer

from .conftest import World


def offer(location: str, department: str = "port") -> tuple[Offer, ...]:
    return (Offer(location=location, department=department),)


@pytest.mark.parametrize(
    "location", ["10.0.0.7:7401", "connector.port.example:7401", "[::1]:7401", "unix:80"]
)
def test_host_and_port_are_dialled_by_name_resolution_only(location: str) -> None:
    assert choose(offer(location), "port", None) == f"dns:///{location}"


@pytest.mark.parametrize(
    "location",
    [
        "",
        "7401",
        "host",
        "host:",
        "host:0",
        "host:65536",
        "host:7401/path",
        "grpc://host:7401",
        "grpc+tcp://host:7401",
        "unix:/var/run/docker.sock",
        "unix:///var/run/docker.sock",
        "unix-abstract:name",
        "ipv4:10.0.0.1:80,10.0.0.2:80",
        "dns://8.8.8.8/host:80",
        "user@host:80",
        "host:80\n",
        "host :80",
        "-host:80",
        "港口:80",
    ],
)
def test_what_is_not_host_and_port_is_refused(location: str) -> None:
    with pytest.raises(errors.IdentityError) as refused:
        choose(offer(location), "port", None)

    assert refused.value.stable_reason == "endpoint-refused"


def test_another_departments_endpoint_is_refused() -> None:
    with pytest.raises(errors.IdentityError, match="another department"):
        choose(offer("10.0.0.7:7401", "weather"), "port", None)


def test_no_endpoint_is_a_connector_that_is_away() -> None:
    with pytest.raises(errors.ConnectorUnavailable):
        choose((), "port", None)


@pytest.mark.parametrize(
    ("location", "allowed"),
    [
        ("10.0.3.7:1", ("10.0.0.0/16",)),
        ("10.0.3.7:1", ("192.168.0.0/16", "10.0.3.7")),
        ("[fd00::1]:1", ("fd00::/8",)),
        ("Connector.Port.example:1", ("connector.port.example",)),
    ],
)
def test_an_allowed_host_passes(location: str, allowed: tuple[str, ...]) -> None:
    assert choose(offer(location), "port", allowed)


@pytest.mark.parametrize(
    ("location", "allowed"),
    [
        ("10.1.0.7:1", ("10.0.0.0/16",)),
        ("10.0.3.7:1", ()),
        ("evil.example:1", ("connector.port.example",)),
        ("connector.port.example.evil:1", ("connector.port.example",)),
        ("10.0.0.1.nip.io:1", ("10.0.0.0/8",)),
    ],
)
def test_a_host_that_is_not_allowed_is_refused(location: str, allowed: tuple[str, ...]) -> None:
    with pytest.raises(errors.IdentityError, match="allowed_hosts"):
        choose(offer(location), "port", allowed)


def test_a_listener_of_another_department_at_that_address_gets_no_ticket(world: World, city: City) -> None:
    """The broker, or whoever took over an address, points at a server with a good certificate of the city."""
    world.offers = (Offer(location=world.broker_location, department="port"),)
    carried = []
    world.stream = lambda w, c: carried.append(True) or iter(())

    with pytest.raises(errors.ConnectorUnavailable):
        city.read("port.flights", purpose="emergency-response").to_arrow()

    assert carried == []


def test_a_refused_endpoint_is_reported_and_nothing_was_dialled(world: World) -> None:
    carried = []
    world.stream = lambda w, c: carried.append(True) or iter(())
    with world.client(allowed_hosts=("10.0.0.0/8",)) as city, pytest.raises(errors.IdentityError):
        city.read("port.flights", purpose="emergency-response").to_arrow()

    assert carried == []
    assert [received.reason for received in world.received] == ["endpoint-refused"]
