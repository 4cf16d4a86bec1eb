"""T6, T7: what the built-in authority refuses to write into a certificate."""

from __future__ import annotations

import ipaddress

import certified
import pytest
from cryptography import x509

from exchange.errors import PkiError
from exchange.model.subject import Kind, Subject, server_name
from exchange.security.pki.authority import Issuer, issue_identity, issue_leaf, issue_listener
from exchange.security.pki.names import Profile
from exchange.security.pki.pem import new_key

NOW = certified.now_us()
SYSTEM = "spiffe://port.zhongshui.example/system/ops"
CONNECTOR = "spiffe://port.zhongshui.example/connector"
NAME = x509.DNSName(server_name(certified.DOMAIN, "port", Kind.CONNECTOR))


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    city = certified.make_city(tmp_path_factory.mktemp("city"))
    city.store.add_department("port", NOW)
    return city.authority_of("port")


def _uri(text: str) -> x509.GeneralName:
    return x509.UniformResourceIdentifier(text)


def _issue(port: Issuer, profile: Profile, names: list[x509.GeneralName], common_name: str = "") -> None:
    issue_leaf(
        port,
        profile,
        names,
        new_key().public_key(),
        NOW,
        trust_domain=certified.DOMAIN,
        common_name=common_name,
    )


def test_the_two_profiles_themselves_are_issued(port: Issuer) -> None:
    _issue(port, Profile.IDENTITY, [_uri(SYSTEM)])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    _issue(port, Profile.LISTENER, [_uri(CONNECTOR), NAME, address])


@pytest.mark.parametrize("text", [SYSTEM, "SPIFFE://x", "see spiffe://x"])
def test_t06_a_spiffe_text_as_common_name(port: Issuer, text: str) -> None:
    with pytest.raises(PkiError, match="common name"):
        _issue(port, Profile.IDENTITY, [_uri(SYSTEM)], text)


def test_t06_a_spiffe_text_as_dns_name(port: Issuer) -> None:
    with pytest.raises(PkiError, match="is a SPIFFE id, not a host"):
        _issue(port, Profile.LISTENER, [_uri(CONNECTOR), NAME, x509.DNSName(CONNECTOR)])


def test_t06_a_spiffe_text_as_the_only_name_but_of_the_wrong_type(port: Issuer) -> None:
    with pytest.raises(PkiError, match="exactly one SPIFFE id, not 0"):
        _issue(port, Profile.IDENTITY, [x509.DNSName(SYSTEM)])


@pytest.mark.parametrize("profile", list(Profile))
def test_t07_two_spiffe_ids(port: Issuer, profile: Profile) -> None:
    with pytest.raises(PkiError, match="exactly one SPIFFE id, not 2"):
        _issue(port, profile, [_uri(CONNECTOR), _uri(SYSTEM), NAME])


def test_t07_a_second_name_in_an_identity(port: Issuer) -> None:
    with pytest.raises(PkiError, match="no other name"):
        _issue(port, Profile.IDENTITY, [_uri(CONNECTOR), NAME])


def test_t07_a_host_before_the_spiffe_id(port: Issuer) -> None:
    """pyarrow.flight shows a handler the first name only."""
    with pytest.raises(PkiError, match="stands first"):
        _issue(port, Profile.LISTENER, [NAME, _uri(CONNECTOR)])


@pytest.mark.parametrize(
    ("spiffe_id", "why"),
    [
        ("spiffe://press.zhongshui.example/system/desk", "cannot name systems of 'press'"),
        ("spiffe://zhongshui.example/department/port/system/ops", "cannot name systems of 'port'"),
        ("spiffe://port.elsewhere.example/system/ops", "another trust domain"),
        ("spiffe://port.zhongshui.example/broker", "cannot belong to 'port'"),
        ("spiffe://port.zhongshui.example/auditor/a", "cannot belong to 'port'"),
        ("spiffe://port.zhongshui.example/system", "wrong number"),
        ("spiffe://port.zhongshui.example/connector/two", "wrong number"),
        ("spiffe://port.zhongshui.example/mayor/a", "no department and kind"),
        ("https://port.zhongshui.example/system/ops", "no well-formed SPIFFE id"),
    ],
)
def test_a_subject_that_is_not_this_department_s_to_name(port: Issuer, spiffe_id: str, why: str) -> None:
    with pytest.raises(PkiError, match=why):
        _issue(port, Profile.IDENTITY, [_uri(spiffe_id)])


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("*.port.zhongshui.example", "wildcard"),
        ("*", "wildcard"),
        ("localhost", "no host name"),
        ("weather.zhongshui.example", "lies outside port.zhongshui.example"),
        ("connector.weather.zhongshui.example", "lies outside"),
        ("evilport.zhongshui.example", "lies outside"),
        ("port.zhongshui.example.evil.example", "lies outside"),
        ("Flights.port.zhongshui.example", "no host name"),
        ("a_b.port.zhongshui.example", "no host name"),
        ("港.port.zhongshui.example", "xn--"),
        ("", "no host name"),
        ("spiffe://port.zhongshui.example/connector", "is a SPIFFE id"),
    ],
)
def test_a_host_that_is_not_this_department_s_to_name(port: Issuer, host: str, why: str) -> None:
    subject = Subject.parse(CONNECTOR, certified.DOMAIN)
    key = new_key().public_key()
    with pytest.raises(PkiError, match=why):
        issue_listener(port, subject, [host], key, NOW, trust_domain=certified.DOMAIN)


def test_a_system_does_not_listen(port: Issuer) -> None:
    subject = Subject.parse(SYSTEM, certified.DOMAIN)
    with pytest.raises(PkiError, match="does not listen"):
        issue_listener(port, subject, [], new_key().public_key(), NOW, trust_domain=certified.DOMAIN)


@pytest.mark.parametrize("hours", [0, -1, 32 * 24])
def test_a_lifetime_out_of_bounds(port: Issuer, hours: float) -> None:
    subject, key = Subject.parse(SYSTEM, certified.DOMAIN), new_key().public_key()
    with pytest.raises(PkiError, match="at most 31 days"):
        issue_identity(port, subject, key, NOW, trust_domain=certified.DOMAIN, hours=hours)
