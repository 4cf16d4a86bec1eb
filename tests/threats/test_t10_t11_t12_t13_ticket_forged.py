"""T10 to T13: a changed byte, another algorithm, an unknown key, another connector: all refused."""

from __future__ import annotations

import base64
import socket

import pyseto
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pyseto import Key
from tickets_made import ISSUED_AT, SIGNER, TICKET, VERIFIER, forge

from exchange.errors import TicketRefused
from exchange.model.ticket import TICKET_BYTES_MAX
from exchange.security.tickets import TicketSigner, TicketVerifier

TOKEN = SIGNER.sign(TICKET)
BODY = TOKEN.split(b".")[2]


def _reason(token: bytes, verifier: TicketVerifier = VERIFIER) -> str:
    with pytest.raises(TicketRefused) as refusal:
        verifier.verify(token, ISSUED_AT + 1)
    return refusal.value.stable_reason


def test_the_ticket_itself_is_admitted() -> None:
    assert VERIFIER.verify(TOKEN, ISSUED_AT + 1) == TICKET


def test_t10_any_flipped_bit_of_any_byte_is_refused() -> None:
    """The unused bits in the last character of base64 too, which a lenient decoder would drop."""
    reasons = {
        _reason(TOKEN[:place] + bytes([TOKEN[place] ^ 1 << bit]) + TOKEN[place + 1 :])
        for place in range(len(TOKEN))
        for bit in range(8)
    }
    assert reasons == {"ticket-malformed", "ticket-key-unknown", "ticket-signature"}


@pytest.mark.parametrize("cut", [0, 1, 9, 10, 11, 80, len(TOKEN) - 60, len(TOKEN) - 1])
def test_t10_a_cut_ticket_is_refused(cut: int) -> None:
    assert _reason(TOKEN[:cut]) in {"ticket-malformed", "ticket-key-unknown"}


@pytest.mark.parametrize("tail", [b"=", b"==", b"A", b".", b"\n", b" ", b".x"])
def test_t10_an_extended_ticket_is_refused(tail: bytes) -> None:
    assert _reason(TOKEN + tail) in {"ticket-malformed", "ticket-key-unknown"}


@pytest.mark.parametrize(
    "header",
    [
        b"v4.local.",
        b"v3.public.",
        b"v2.public.",
        b"v1.public.",
        b"v4.PUBLIC.",
        b"v4.public",
        b"k4.public.",
        b"",
    ],
)
def test_t11_another_version_or_purpose_is_refused(header: bytes) -> None:
    assert _reason(header + TOKEN.removeprefix(b"v4.public.")) == "ticket-malformed"


def test_t11_a_jwt_is_refused() -> None:
    parts = (b'{"alg":"none"}', b"{}", b"")
    assert (
        _reason(b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts))
        == "ticket-malformed"
    )


def test_t11_a_token_encrypted_with_the_public_key_as_a_secret_is_refused() -> None:
    key = Key.new(4, "local", SIGNER.public_key_bytes)
    binding = b"exchange.v1.ticket:port"
    token = pyseto.encode(key, b"{}", footer=SIGNER.key_id.encode(), implicit_assertion=binding)
    assert _reason(token) == "ticket-malformed"


def test_t12_a_key_nobody_registered_is_refused() -> None:
    stranger = TicketSigner(Ed25519PrivateKey.generate())
    assert _reason(stranger.sign(TICKET)) == "ticket-key-unknown"


def test_t12_a_retired_key_is_refused() -> None:
    fresh = TicketSigner(Ed25519PrivateKey.generate())
    after = TicketVerifier({fresh.key_id: fresh.public_key_bytes}, "port")
    assert _reason(TOKEN, after) == "ticket-key-unknown"
    assert after.verify(fresh.sign(TICKET), ISSUED_AT + 1) == TICKET


def test_t12_during_the_overlap_both_keys_hold() -> None:
    fresh = TicketSigner(Ed25519PrivateKey.generate())
    keys = {signer.key_id: signer.public_key_bytes for signer in (SIGNER, fresh)}
    both = TicketVerifier(keys, "port")
    assert both.verify(TOKEN, ISSUED_AT + 1) == both.verify(fresh.sign(TICKET), ISSUED_AT + 1) == TICKET


def test_t12_another_s_signature_under_a_known_key_id_is_refused() -> None:
    stolen_name = TicketSigner(Ed25519PrivateKey.generate()).sign(TICKET).rsplit(b".", 1)[0]
    assert _reason(stolen_name + b"." + TOKEN.rsplit(b".", 1)[1]) == "ticket-signature"


@pytest.mark.parametrize(
    "hostile",
    [
        b"https://evil.example/key.json",
        b'{"kid":"../../etc/passwd","jku":"https://evil.example"}',
        b"file:///etc/passwd",
        b"'; DROP TABLE keys; --",
        b"\xff\xfe\x00",
        b"",
        b"k" * 100_000,
    ],
)
def test_t12_a_hostile_key_id_is_only_bytes_that_match_nothing(
    hostile: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetched(*_: object, **__: object) -> None:
        pytest.fail("something was fetched")

    monkeypatch.setattr(socket, "socket", fetched)
    monkeypatch.setattr("builtins.open", fetched)
    footer = base64.urlsafe_b64encode(hostile).rstrip(b"=")
    assert _reason(b"v4.public." + BODY + b"." + footer) == "ticket-key-unknown"


def test_t12_no_key_id_at_all_is_refused() -> None:
    assert _reason(b"v4.public." + BODY) == "ticket-malformed"


def test_t13_a_ticket_for_another_connector_is_refused() -> None:
    other = SIGNER.sign(TICKET.model_copy(update={"audience": "weather"}))
    assert _reason(other) == "ticket-signature"


def test_t13_a_ticket_bound_to_this_connector_that_claims_another_is_refused() -> None:
    claims = TICKET.model_copy(update={"audience": "weather"}).model_dump_json().encode()
    assert _reason(forge(claims)) == "ticket-audience"


def test_t13_a_ticket_bound_to_another_connector_that_claims_this_one_is_refused() -> None:
    claims = TICKET.model_dump_json().encode()
    assert _reason(forge(claims, binding=b"exchange.v1.ticket:weather")) == "ticket-signature"


def test_t23_a_ticket_of_50_mb_is_refused_by_its_size_alone() -> None:
    assert TICKET_BYTES_MAX < 50_000_000
    assert _reason(b"v4.public." + b"A" * 50_000_000) == "ticket-malformed"
