"""Tickets for tests: fixed claims and a fixed key, so that tokens are the same in every run."""

from __future__ import annotations

import pyseto
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pyseto import Key

from exchange.model.obligation import ColumnRule, Obligations, Pseudonym, RateWindow
from exchange.model.ticket import Ticket
from exchange.security.tickets import TicketSigner, TicketVerifier, key_id

ISSUED_AT = 1_700_000_000
KEY = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
SIGNER = TicketSigner(KEY)
VERIFIER = TicketVerifier({SIGNER.key_id: SIGNER.public_key_bytes}, "port")

TICKET = Ticket(
    id="0123456789abcdef0123456789abcdef",
    subject="spiffe://emergency.zhongshui.example/system/dispatch",
    audience="port",
    dataset="port.flights",
    schema_digest="ab" * 32,
    purpose="emergency-response",
    obligations=Obligations(
        columns=(ColumnRule(name="origin"), ColumnRule(name="尾号", mask=Pseudonym(scope="emergency"))),
        row_limit=1000,
        windows=(RateWindow(rows_max=10_000, seconds=3600),),
    ),
    revision=7,
    audit_index=41,
    issued_at=ISSUED_AT,
    expires_at=ISSUED_AT + 60,
    stream_until=ISSUED_AT + 3600,
    trace_id="f" * 32,
)


def forge(
    payload: bytes, *, key: Ed25519PrivateKey = KEY, binding: bytes = b"exchange.v1.ticket:port"
) -> bytes:
    """A token over any bytes, properly signed: what a broken or hostile broker could send."""
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    footer = key_id(key.public_key().public_bytes_raw()).encode()
    token = pyseto.encode(Key.new(4, "public", pem), payload, footer=footer, implicit_assertion=binding)
    assert isinstance(token, bytes)
    return token
