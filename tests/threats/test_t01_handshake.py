"""T1: no client certificate, a foreign CA's, an expired one, a server-only one: refused in the handshake."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import certified
import grpc
import pytest
from pyarrow import flight

from exchange.model.subject import Kind, server_name
from exchange.security.tls import channel, flight_options

SERVER_NAME = server_name(certified.DOMAIN, "port", Kind.CONNECTOR)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> certified.City:
    return certified.make_city(tmp_path_factory.mktemp("city"))


@pytest.fixture(scope="module")
def port(city: certified.City) -> Iterator[int]:
    with certified.who_server(city.actor("port", Kind.CONNECTOR)) as port:
        yield port


def _stranger(city: certified.City, tmp_path: Path, case: str) -> dict[str, bytes]:
    """The key and chain a stranger shows; nothing for the one who shows none."""
    match case:
        case "no certificate":
            return {}
        case "a foreign authority's":
            settings = certified.make_city(tmp_path).actor("emergency")
        case "an expired one":
            settings = city.actor("emergency", at_us=certified.now_us() - 30 * certified.DAY_US)
        case _:
            settings = city.actor("weather", Kind.CONNECTOR)
            assert settings.listener_key is not None
            assert settings.listener_chain is not None
            return {
                "private_key": settings.listener_key.read_bytes(),
                "certificate_chain": settings.listener_chain.read_bytes(),
            }
    return {
        "private_key": settings.identity_key.read_bytes(),
        "certificate_chain": settings.identity_chain.read_bytes(),
    }


STRANGERS = ["no certificate", "a foreign authority's", "an expired one", "a server-only one"]


@pytest.fixture(scope="module", params=STRANGERS)
def stranger(
    request: pytest.FixtureRequest, city: certified.City, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    return _stranger(city, tmp_path_factory.mktemp("foreign"), request.param)


@pytest.fixture(scope="module")
def roots(city: certified.City) -> bytes:
    return city.actor("press").roots.read_bytes()


def test_a_department_s_system_is_answered_by_its_name(city: certified.City, port: int) -> None:
    mine = city.actor("emergency", name="dispatch")
    link = channel(f"127.0.0.1:{port}", mine, "port", Kind.CONNECTOR, certified.DOMAIN)
    assert certified.ask(link) == "spiffe://emergency.zhongshui.example/system/dispatch"


def test_a_stranger_on_grpc_gets_no_answer(port: int, roots: bytes, stranger: dict[str, bytes]) -> None:
    credentials = grpc.ssl_channel_credentials(root_certificates=roots, **stranger)
    options = [("grpc.ssl_target_name_override", SERVER_NAME), ("grpc.enable_http_proxy", 0)]
    with pytest.raises(grpc.RpcError) as refusal:
        certified.ask(grpc.secure_channel(f"127.0.0.1:{port}", credentials, options))
    assert refusal.value.code() is grpc.StatusCode.UNAVAILABLE


def test_a_stranger_on_a_stock_flight_client_gets_no_answer(
    port: int, roots: bytes, stranger: dict[str, bytes]
) -> None:
    names = {"private_key": "private_key", "certificate_chain": "cert_chain"}
    shown = {names[key]: value for key, value in stranger.items()}
    with (
        flight.FlightClient(
            f"grpc+tls://127.0.0.1:{port}", tls_root_certs=roots, override_hostname=SERVER_NAME, **shown
        ) as client,
        pytest.raises(flight.FlightUnavailableError),
    ):
        list(client.list_flights())


def test_a_stock_flight_client_with_a_good_certificate_passes_the_handshake(
    city: certified.City, port: int
) -> None:
    """Else the test above could not fail: this server has no Flight service, as it says later."""
    options = flight_options(city.actor("research"), "port", Kind.CONNECTOR, certified.DOMAIN)
    with (
        flight.FlightClient(f"grpc+tls://127.0.0.1:{port}", **options) as client,
        pytest.raises(NotImplementedError),
    ):
        list(client.list_flights())


def test_plain_text_gets_no_answer(port: int) -> None:
    with pytest.raises(grpc.RpcError) as refusal:
        certified.ask(grpc.insecure_channel(f"127.0.0.1:{port}", [("grpc.enable_http_proxy", 0)]))
    assert refusal.value.code() is grpc.StatusCode.UNAVAILABLE


def test_a_server_that_is_another_department_s_is_not_believed(city: certified.City, port: int) -> None:
    link = channel(f"127.0.0.1:{port}", city.actor("registry"), "weather", Kind.CONNECTOR, certified.DOMAIN)
    with pytest.raises(grpc.RpcError) as refusal:
        certified.ask(link)
    assert refusal.value.code() is grpc.StatusCode.UNAVAILABLE


def test_a_caller_s_options_cannot_change_whom_the_server_must_be(city: certified.City, port: int) -> None:
    options = [("grpc.ssl_target_name_override", SERVER_NAME)]
    mine = city.actor("lab")
    link = channel(f"127.0.0.1:{port}", mine, "weather", Kind.CONNECTOR, certified.DOMAIN, options)
    with pytest.raises(grpc.RpcError):
        certified.ask(link)
