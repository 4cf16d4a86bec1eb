"""T9: a department that turns its own authority against another department gets nowhere in the handshake."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import certified
import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from exchange.model.subject import Kind, server_name
from exchange.security.pki.authority import Issuer
from exchange.security.pki.pem import chain_pem, key_pem, new_key
from exchange.security.tls import channel

VICTIM = "spiffe://emergency.zhongshui.example/system/dispatch"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> certified.City:
    return certified.make_city(tmp_path_factory.mktemp("city"))


@pytest.fixture(scope="module")
def port(city: certified.City) -> Iterator[int]:
    with certified.who_server(city.actor("port", Kind.CONNECTOR)) as port:
        yield port


def _forge(issuer: Issuer, names: list[x509.GeneralName], *, ca: bool = False) -> Issuer:
    """A certificate such as no authority of ours would write, signed with a stolen or abused key."""
    key, now = new_key(), datetime.now(UTC)
    usage = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a forged name")]))
        .issuer_name(issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage(usage), critical=False)
        .sign(issuer.key, hashes.SHA256())
    )
    return Issuer(certificate, key)


def _call(city: certified.City, port: int, holder: Issuer, *chain: Issuer) -> str:
    credentials = grpc.ssl_channel_credentials(
        root_certificates=chain_pem([city.store.root]),
        private_key=key_pem(holder.key),
        certificate_chain=chain_pem([holder.certificate, *(link.certificate for link in chain)]),
    )
    name = server_name(certified.DOMAIN, "port", Kind.CONNECTOR)
    options = [("grpc.ssl_target_name_override", name), ("grpc.enable_http_proxy", 0)]
    return certified.ask(grpc.secure_channel(f"127.0.0.1:{port}", credentials, options))


@pytest.fixture(scope="module")
def press(city: certified.City) -> Issuer:
    city.store.add_department("press", certified.now_us())
    return city.authority_of("press")


def test_its_own_systems_may_call(city: certified.City, port: int, press: Issuer) -> None:
    """Else the refusals below would prove nothing."""
    mine = "spiffe://press.zhongshui.example/system/desk"
    assert _call(city, port, _forge(press, [x509.UniformResourceIdentifier(mine)]), press) == mine


def test_another_department_s_name_fails_the_handshake(
    city: certified.City, port: int, press: Issuer
) -> None:
    forged = _forge(press, [x509.UniformResourceIdentifier(VICTIM)])
    with pytest.raises(grpc.RpcError) as refusal:
        _call(city, port, forged, press)
    assert refusal.value.code() is grpc.StatusCode.UNAVAILABLE


def test_another_department_s_name_in_the_second_place_fails_too(
    city: certified.City, port: int, press: Issuer
) -> None:
    mine = x509.UniformResourceIdentifier("spiffe://press.zhongshui.example/system/desk")
    with pytest.raises(grpc.RpcError) as refusal:
        _call(city, port, _forge(press, [mine, x509.UniformResourceIdentifier(VICTIM)]), press)
    assert refusal.value.code() is grpc.StatusCode.UNAVAILABLE


def test_an_authority_of_its_own_making_fails(city: certified.City, port: int, press: Issuer) -> None:
    sub = _forge(press, [x509.UniformResourceIdentifier("spiffe://press.zhongshui.example")], ca=True)
    mine = "spiffe://press.zhongshui.example/system/desk"
    with pytest.raises(grpc.RpcError) as refusal:
        _call(city, port, _forge(sub, [x509.UniformResourceIdentifier(mine)]), sub, press)
    assert refusal.value.code() is grpc.StatusCode.UNAVAILABLE


def test_a_listener_in_another_department_s_name_is_not_believed(
    city: certified.City, press: Issuer, tmp_path: Path
) -> None:
    own = x509.UniformResourceIdentifier("spiffe://press.zhongshui.example/connector")
    stolen = _forge(press, [own, x509.DNSName(server_name(certified.DOMAIN, "weather", Kind.CONNECTOR))])
    (tmp_path / "listener.pem").write_bytes(chain_pem([stolen.certificate, press.certificate]))
    (tmp_path / "listener.key").touch(0o600)
    (tmp_path / "listener.key").write_bytes(key_pem(stolen.key))
    files = {"listener_key": tmp_path / "listener.key", "listener_chain": tmp_path / "listener.pem"}
    impostor = city.actor("press", Kind.CONNECTOR).model_copy(update=files)
    with certified.who_server(impostor) as port:
        link = channel(f"127.0.0.1:{port}", city.actor("lab"), "weather", Kind.CONNECTOR, certified.DOMAIN)
        with pytest.raises(grpc.RpcError) as refusal:
            certified.ask(link)
    assert refusal.value.code() is grpc.StatusCode.UNAVAILABLE
