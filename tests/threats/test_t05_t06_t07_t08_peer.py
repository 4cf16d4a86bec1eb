"""T5 to T8: an empty identity, names in the wrong place, several names, a channel past its certificate."""

from __future__ import annotations

from datetime import timedelta

import certified
import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from exchange.errors import IdentityError
from exchange.model.subject import Kind
from exchange.security.credentials import moment
from exchange.security.identity import Peer, peer_of
from exchange.security.pki.authority import Issuer, issue_identity
from exchange.security.pki.pem import chain_pem, new_key
from exchange.security.tls import channel

NOW = certified.now_us()
MINE = "spiffe://emergency.zhongshui.example/system/dispatch"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> certified.City:
    city = certified.make_city(tmp_path_factory.mktemp("city"))
    for department in ("emergency", "press"):
        city.store.add_department(department, NOW)
    return city


def _certificate(
    issuer: Issuer, names: list[x509.GeneralName], common_name: str = "a system", *, ca: bool = False
) -> x509.Certificate:
    key = new_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]))
        .issuer_name(issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment(NOW) - timedelta(minutes=5))
        .not_valid_after(moment(NOW) + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(issuer.key, hashes.SHA256())


def _peer(certificate: x509.Certificate, *issuers: Issuer, now_us: int = NOW) -> Peer:
    chain = [certificate, *(issuer.certificate for issuer in issuers)]
    context = {"x509_pem_cert": [chain_pem([certificate])], "x509_pem_cert_chain": [chain_pem(chain)]}
    return peer_of(context, certified.DOMAIN, now_us)


def _uri(text: str) -> x509.UniformResourceIdentifier:
    return x509.UniformResourceIdentifier(text)


def test_a_good_certificate_names_its_subject(city: certified.City) -> None:
    issuer = city.authority_of("emergency")
    peer = _peer(_certificate(issuer, [_uri(MINE)]), issuer)
    assert (peer.subject.department, peer.subject.kind, peer.subject.name) == (
        "emergency",
        Kind.SYSTEM,
        "dispatch",
    )
    assert peer.not_after_us == (NOW // 1_000_000) * 1_000_000 + certified.DAY_US


@pytest.mark.parametrize(
    "context",
    [
        {},
        {"x509_pem_cert": []},
        {"x509_pem_cert": [b""]},
        {"x509_pem_cert": ["text"]},
        {"x509_pem_cert": [b"one", b"two"]},
        {"x509_common_name": [b"emergency"], "x509_subject_alternative_name": [MINE.encode()]},
    ],
    ids=[
        "nothing",
        "no value",
        "an empty value",
        "no bytes",
        "two certificates",
        "names without a certificate",
    ],
)
def test_t05_an_empty_identity_is_nobody(context: dict[str, object]) -> None:
    with pytest.raises(IdentityError, match="no client certificate"):
        peer_of(context, certified.DOMAIN, NOW)


def test_t05_a_certificate_without_any_name_is_nobody(city: certified.City) -> None:
    issuer = city.authority_of("emergency")
    with pytest.raises(IdentityError, match="exactly one name"):
        _peer(_certificate(issuer, []), issuer)


@pytest.mark.parametrize(
    "text", [b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", b"\xff\x00"]
)
def test_t05_a_malformed_certificate_is_nobody(text: bytes) -> None:
    with pytest.raises(IdentityError, match="malformed"):
        peer_of({"x509_pem_cert": [text]}, certified.DOMAIN, NOW)


def test_t06_a_spiffe_text_as_common_name_is_refused(city: certified.City) -> None:
    issuer = city.authority_of("press")
    own = _uri("spiffe://press.zhongshui.example/system/desk")
    with pytest.raises(IdentityError, match="outside its SAN"):
        _peer(_certificate(issuer, [own], "SPIFFE://emergency.zhongshui.example/system/dispatch"), issuer)


def test_t06_a_spiffe_text_as_dns_name_is_refused(city: certified.City) -> None:
    issuer = city.authority_of("emergency")
    with pytest.raises(IdentityError, match="exactly one name"):
        _peer(_certificate(issuer, [x509.DNSName(MINE)]), issuer)


@pytest.mark.parametrize(
    "second",
    [
        _uri("spiffe://emergency.zhongshui.example/system/other"),
        _uri(MINE),
        x509.DNSName("emergency.zhongshui.example"),
        x509.RFC822Name("a@zhongshui.example"),
    ],
    ids=["another id", "the same id twice", "a host", "a mail address"],
)
@pytest.mark.parametrize("first", [True, False], ids=["id first", "id last"])
def test_t07_several_names_are_refused(
    city: certified.City, second: x509.GeneralName, *, first: bool
) -> None:
    issuer = city.authority_of("emergency")
    names = [_uri(MINE), second] if first else [second, _uri(MINE)]
    with pytest.raises(IdentityError, match="exactly one name"):
        _peer(_certificate(issuer, names), issuer)


def test_t08_a_warm_channel_is_refused_once_the_certificate_has_expired(city: certified.City) -> None:
    """The same bytes, parsed and cached before, are judged by the time of each call."""
    issuer = city.authority_of("emergency")
    certificate = _certificate(issuer, [_uri(MINE)])
    end = _peer(certificate, issuer).not_after_us
    assert _peer(certificate, issuer, now_us=end - 1).subject.id == MINE
    with pytest.raises(IdentityError, match="expired"):
        _peer(certificate, issuer, now_us=end)


def test_t08_on_a_real_channel(city: certified.City, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [NOW]
    monkeypatch.setattr(certified, "now_us", lambda: clock[0])
    with (
        certified.who_server(city.actor("port", Kind.CONNECTOR, at_us=NOW)) as port,
        channel(
            f"127.0.0.1:{port}", city.actor("lab", at_us=NOW), "port", Kind.CONNECTOR, certified.DOMAIN
        ) as link,
    ):
        call = link.unary_unary(certified.WHO)
        assert call(b"", timeout=10) == b"spiffe://lab.zhongshui.example/system/desk"
        clock[0] = NOW + 6 * certified.DAY_US
        with pytest.raises(grpc.RpcError):
            call(b"", timeout=10)


def test_a_certificate_that_is_not_valid_yet_is_refused(city: certified.City) -> None:
    issuer = city.authority_of("emergency")
    with pytest.raises(IdentityError, match="not valid yet"):
        _peer(_certificate(issuer, [_uri(MINE)]), issuer, now_us=NOW - certified.DAY_US)


def test_an_issuer_of_another_department_is_refused(city: certified.City) -> None:
    rogue = city.authority_of("press")
    with pytest.raises(IdentityError, match="another department's authority"):
        _peer(_certificate(rogue, [_uri(MINE)]), rogue)


def test_a_foreign_trust_domain_is_refused(city: certified.City) -> None:
    issuer = city.authority_of("emergency")
    with pytest.raises(IdentityError, match="another trust domain"):
        _peer(_certificate(issuer, [_uri("spiffe://emergency.elsewhere.example/system/dispatch")]), issuer)


def test_an_authority_makes_no_calls(city: certified.City) -> None:
    issuer = city.authority_of("emergency")
    with pytest.raises(IdentityError, match="authority's certificate"):
        _peer(_certificate(issuer, [_uri(MINE)], ca=True), issuer)


def test_a_chain_of_any_length_is_not_read(city: certified.City) -> None:
    issuer = city.authority_of("emergency")
    with pytest.raises(IdentityError, match="too long"):
        _peer(_certificate(issuer, [_uri(MINE)]), *[issuer] * 100)


def test_what_the_authority_issues_is_what_is_accepted(city: certified.City) -> None:
    issuer, key = city.authority_of("emergency"), new_key()
    subject = certified.subject("emergency", Kind.STEWARD, "wang.li")
    leaf = issue_identity(issuer, subject, key.public_key(), NOW, trust_domain=certified.DOMAIN)
    assert _peer(leaf, issuer).subject == subject
