from __future__ import annotations

import certified
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from exchange.errors import PkiError, RequestInvalid
from exchange.model.receipt import Outcome, Receipt, Received, Start
from exchange.model.subject import Kind
from exchange.security.credentials import Credential, load_identity
from exchange.security.receipts import Trust, open_receipt
from exchange.security.signing import PREFIX, StatementSigner, verify_canonical, verify_receipt

NOW = certified.now_us()
TICKET = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def port(city: certified.City) -> Credential:
    return load_identity(city.actor("port", Kind.CONNECTOR, at_us=NOW), NOW)


@pytest.fixture(scope="module")
def press(city: certified.City) -> Credential:
    return load_identity(city.actor("press", name="signing", at_us=NOW), NOW)


@pytest.fixture(scope="module")
def trust(city: certified.City) -> Trust:
    return Trust((city.store.root,), (), certified.DOMAIN)


def _signer(credential: Credential) -> StatementSigner:
    return StatementSigner(credential.key, credential.leaf, credential.chain[1:])


def _start(connector: str = "spiffe://port.zhongshui.example/connector") -> Start:
    return Start(ticket=TICKET, connector=connector, subject="s", dataset="港务.航班", at_us=NOW)


def _reason(receipt: Receipt, credential: Credential) -> str:
    with pytest.raises(RequestInvalid) as refusal:
        verify_receipt(receipt, credential.leaf)
    return refusal.value.stable_reason


def _sign_raw(credential: Credential, text: str, prefix: bytes = PREFIX) -> Receipt:
    signature = credential.key.sign(prefix + text.encode(), ec.ECDSA(hashes.SHA256()))
    blank = _signer(credential).sign(_start())
    return blank.model_copy(update={"statement": text, "signature": signature.hex()})


def test_a_statement_comes_back_as_it_was_signed(port: Credential) -> None:
    assert verify_receipt(_signer(port).sign(_start()), port.leaf) == _start()


def test_a_consumer_speaks_for_itself_too(press: Credential) -> None:
    statement = Received(
        ticket=TICKET,
        consumer="spiffe://press.zhongshui.example/system/signing",
        rows=1,
        bytes=1,
        batches=1,
        digest="",
        outcome=Outcome.CUT,
        at_us=NOW,
    )
    assert verify_receipt(_signer(press).sign(statement), press.leaf) == statement


def test_a_changed_statement_is_refused(port: Credential) -> None:
    receipt = _signer(port).sign(_start())
    changed = receipt.model_copy(update={"statement": receipt.statement.replace("航班", "航线")})
    assert _reason(changed, port) == "receipt-signature"


@pytest.mark.parametrize("signature", ["", "zz", "00", "30450221"])
def test_a_broken_signature_is_refused(port: Credential, signature: str) -> None:
    receipt = _signer(port).sign(_start()).model_copy(update={"signature": signature})
    assert _reason(receipt, port) == "receipt-signature"


def test_a_lone_surrogate_is_refused(port: Credential) -> None:
    receipt = _signer(port).sign(_start()).model_copy(update={"statement": "\ud800"})
    assert _reason(receipt, port) == "receipt-signature"


def test_a_receipt_of_another_speaker_than_the_peer_is_refused(port: Credential, press: Credential) -> None:
    assert _reason(_signer(port).sign(_start()), press) == "receipt-certificate"


def test_a_statement_in_another_s_name_is_refused(press: Credential) -> None:
    assert _reason(_signer(press).sign(_start()), press) == "receipt-speaker"


def test_a_signature_made_for_another_use_of_the_key_is_refused(port: Credential) -> None:
    text = _signer(port).sign(_start()).statement
    assert _reason(_sign_raw(port, text, prefix=b""), port) == "receipt-signature"
    assert verify_receipt(_sign_raw(port, text), port.leaf) == _start()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace(",", ", "),
        lambda text: text.replace('"at_us"', '"at_us":1,"at_us"'),
        lambda text: text.replace("航", "\\u822a"),
        lambda _: "[]",
        lambda _: '{"kind":"unheard-of"}',
        lambda text: text.replace('"kind"', '"extra":1,"kind"'),
    ],
    ids=["spaces", "a key twice", "escapes", "no object", "another kind", "an unknown field"],
)
def test_text_that_is_not_the_one_canonical_form_of_a_statement_is_refused(
    port: Credential, spoil: object
) -> None:
    assert callable(spoil)
    text = spoil(_signer(port).sign(_start()).statement)
    assert _reason(_sign_raw(port, text), port) == "receipt-malformed"


def test_a_statement_too_large_for_a_receipt_is_refused_when_it_is_made(port: Credential) -> None:
    with pytest.raises(RequestInvalid, match="too large"):
        _signer(port).sign(_start().model_copy(update={"dataset": "x" * 20_000}))


def test_a_signer_needs_its_own_key(port: Credential, press: Credential) -> None:
    with pytest.raises(PkiError, match="not the key"):
        StatementSigner(port.key, press.leaf)


def test_a_value_is_signed_under_its_kind_and_no_other(port: Credential) -> None:
    receipt = _signer(port).sign_canonical("policy-publication", {"digest": "ab", "revision": 3})
    assert verify_canonical(receipt, port.leaf, "policy-publication") == {"digest": "ab", "revision": 3}
    with pytest.raises(RequestInvalid, match="another kind"):
        verify_canonical(receipt, port.leaf, "policy-retraction")
    assert _reason(receipt, port) == "receipt-malformed"


def test_a_statement_never_passes_for_a_value_nor_a_value_for_a_statement(port: Credential) -> None:
    with pytest.raises(RequestInvalid, match="another kind"):
        verify_canonical(_signer(port).sign(_start()), port.leaf, "start")
    with pytest.raises(RequestInvalid, match="cannot pass"):
        _signer(port).sign_canonical("start", {})
    with pytest.raises(RequestInvalid, match="cannot pass"):
        _signer(port).sign_canonical("policy", {"kind": "start"})


def test_years_later_a_receipt_is_verified_from_the_roots_alone(port: Credential, trust: Trust) -> None:
    statement, subject = open_receipt(_signer(port).sign(_start()), trust, NOW)
    assert statement == _start()
    assert subject.department == "port"


def _untrusted(receipt: Receipt, trust: Trust, at_us: int = NOW) -> None:
    with pytest.raises(RequestInvalid) as refusal:
        open_receipt(receipt, trust, at_us)
    assert refusal.value.stable_reason == "receipt-untrusted"


def test_a_receipt_from_outside_its_certificate_s_lifetime_is_not_trusted(
    port: Credential, trust: Trust
) -> None:
    receipt = _signer(port).sign(_start())
    _untrusted(receipt, trust, NOW + 6 * certified.DAY_US)
    _untrusted(receipt, trust, NOW - certified.DAY_US)


def test_without_its_intermediate_a_receipt_is_trusted_only_if_the_verifier_knows_it(
    port: Credential, trust: Trust
) -> None:
    bare = StatementSigner(port.key, port.leaf).sign(_start())
    _untrusted(bare, trust)
    knowing = Trust(trust.roots, (port.chain[1],), certified.DOMAIN)
    assert open_receipt(bare, knowing, NOW)[0] == _start()


def test_a_foreign_city_s_receipt_is_not_trusted(
    trust: Trust, tmp_path_factory: pytest.TempPathFactory
) -> None:
    foreign = certified.make_city(tmp_path_factory.mktemp("foreign")).actor("port", Kind.CONNECTOR, at_us=NOW)
    _untrusted(_signer(load_identity(foreign, NOW)).sign(_start()), trust)


def test_a_malformed_certificate_in_a_receipt_is_refused(port: Credential, trust: Trust) -> None:
    receipt = _signer(port).sign(_start())
    for change in ({"certificate": "00"}, {"certificate": "xyz"}, {"issuers": ("30",)}):
        with pytest.raises(RequestInvalid, match="malformed"):
            open_receipt(receipt.model_copy(update=change), trust, NOW)
