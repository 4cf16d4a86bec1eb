"""Tickets as PASETO v4.public tokens (steps 5 and 6): one algorithm, one version, nothing to negotiate.

Layout: `v4.public.<claims and signature>.<key id>`, base64url without padding. The implicit assertion binds
the audience, so that a ticket for one connector is no ticket at all at another (PASETO version 4).
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

import pyseto
from cryptography.hazmat.primitives import serialization
from pydantic import ValidationError
from pyseto import Key

from exchange.errors import RequestInvalid, TicketRefused
from exchange.model.ticket import (
    CLOCK_LEEWAY_S,
    STREAM_LIFETIME_S_MAX,
    TICKET_BYTES_MAX,
    TICKET_LIFETIME_S_MAX,
    Ticket,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

HEADER = b"v4.public."
_BINDING = b"exchange.v1.ticket:"
_SIGNATURE_BYTES = 64
_ENVELOPE_BYTES = 512
"""What a token adds to its claims besides base64: header, signature, key id."""


class TicketSigner:
    """Issues tickets with one Ed25519 key.

    Attributes:
        key_id: under which connectors know the key (PASERK `k4.pid`, a hash of the public key).
        public_key_bytes: the 32 bytes connectors verify with.
    """

    def __init__(self, private_key: Ed25519PrivateKey) -> None:
        pem = private_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self._key = Key.new(4, "public", pem)
        self.public_key_bytes = private_key.public_key().public_bytes_raw()
        self.key_id = key_id(self.public_key_bytes)

    def sign(self, ticket: Ticket) -> bytes:
        """The token for these claims.

        Raises:
            RequestInvalid: the claims cannot be carried: too large, or they would not read back as they are.
        """
        return self.sign_claims(Claims(ticket), ticket.audit_index)

    def sign_claims(self, claims: Claims, audit_index: int) -> bytes:
        """The token for claims whose record has that index in the audit log."""
        return pyseto.encode(
            self._key,
            claims.at(audit_index),
            footer=self.key_id.encode(),
            implicit_assertion=_binding(claims.ticket.audience),
        )


class Claims:
    """A ticket's claims in their one form, proven to be carried and to read back, whatever their audit index.

    They are drawn up before the decision is recorded, so that what cannot become a ticket is never recorded
    as granted; only then is the index known.
    """

    def __init__(self, ticket: Ticket) -> None:
        """Draw up the claims.

        Raises:
            RequestInvalid: they are too large, or would not read back as they are.
        """
        payload = _payload(ticket)
        if len(payload) * 4 // 3 + _ENVELOPE_BYTES > TICKET_BYTES_MAX:
            raise RequestInvalid(
                "the request is too large for a ticket", hint="ask for fewer columns or conditions"
            )
        self.ticket = ticket
        # Inside a text quotes are escaped, and no claim within another has this name: this is the key itself.
        self._head, _, self._tail = payload.rpartition(b'"audit_index":%d,' % ticket.audit_index)

    def at(self, audit_index: int) -> bytes:
        """The claims with that index of their record."""
        return b'%s"audit_index":%d,%s' % (self._head, audit_index, self._tail)


class TicketVerifier:
    """Admits what the broker signed for one connector; holds no state, so single use is checked elsewhere.

    Args:
        keys: key id to raw Ed25519 public key (32 bytes). A retired key is one that is no longer in it.
        audience: the department this connector serves.
    """

    def __init__(self, keys: Mapping[str, bytes], audience: str) -> None:
        self._keys = {
            _encode(name.encode()): Key.from_asymmetric_key_params(4, x=key) for name, key in keys.items()
        }
        self._audience = audience

    def verify(self, token: bytes, now_s: float) -> Ticket:
        """The ticket in the token, if it holds here and now.

        The signature is verified over the raw bytes before any of them is parsed.

        Args:
            token: as it arrived.
            now_s: unix seconds.

        Raises:
            TicketRefused: with the reason `ticket-malformed`, `ticket-key-unknown`, `ticket-signature`,
                `ticket-claims`, `ticket-audience`, `ticket-lifetime`, `ticket-not-yet-valid` or
                `ticket-expired`, in this order of checks.
        """
        payload = self._authentic(token)
        ticket = _parse(payload)
        if ticket.audience != self._audience:
            raise TicketRefused("the ticket is for another connector", reason="ticket-audience")
        _check_times(ticket, now_s)
        return ticket

    def _authentic(self, token: bytes) -> bytes:
        # (6) Size first: whatever follows costs at most so much (T23).
        if len(token) > TICKET_BYTES_MAX:
            raise TicketRefused("the ticket is too large", reason="ticket-malformed")
        parts = token.removeprefix(HEADER).split(b".")
        if not token.startswith(HEADER) or len(parts) != 2:  # noqa: PLR2004  # body and footer
            raise TicketRefused("this is not a ticket", reason="ticket-malformed")
        body, footer = parts
        # (6) The footer is compared as opaque bytes with the ids known here; nothing is fetched by it (T12).
        key = self._keys.get(footer)
        if key is None:
            raise TicketRefused("the ticket is signed by a key unknown here", reason="ticket-key-unknown")
        _check_encoding(body)
        try:
            payload = pyseto.decode(key, token, implicit_assertion=_binding(self._audience)).payload
        except (pyseto.PysetoError, ValueError):
            raise TicketRefused(
                "the ticket's signature does not hold here", reason="ticket-signature"
            ) from None
        if not isinstance(payload, bytes):
            raise TicketRefused("this is not a ticket", reason="ticket-malformed")
        return payload


def key_id(public_key: bytes) -> str:
    """The id of a raw Ed25519 public key (PASERK `k4.pid`)."""
    return str(Key.from_asymmetric_key_params(4, x=public_key).to_paserk_id())


def _parse(payload: bytes) -> Ticket:
    """The claims; an unknown version, obligation or field is no smaller thing than a forged one (T20)."""
    try:
        ticket = Ticket.model_validate_json(payload)
    except (ValidationError, RecursionError):
        raise TicketRefused(
            "the ticket holds claims this connector does not know", reason="ticket-claims"
        ) from None
    # One ticket has one text: a repeated key or another spelling was not written by our broker.
    if ticket.model_dump_json().encode() != payload:
        raise TicketRefused("the ticket's claims are not in their one form", reason="ticket-claims")
    return ticket


def _check_times(ticket: Ticket, now_s: float) -> None:
    lifetime_s, stream_s = ticket.expires_at - ticket.issued_at, ticket.stream_until - ticket.issued_at
    if not 0 < lifetime_s <= TICKET_LIFETIME_S_MAX or not 0 < stream_s <= STREAM_LIFETIME_S_MAX:
        raise TicketRefused("the ticket's lifetime is out of bounds", reason="ticket-lifetime")
    if ticket.issued_at > now_s + CLOCK_LEEWAY_S:
        raise TicketRefused("the ticket is not valid yet", reason="ticket-not-yet-valid")
    # No leeway here: single use is remembered until this very second and not a moment longer (T18).
    if now_s >= ticket.expires_at:
        raise TicketRefused("the ticket has expired", reason="ticket-expired", hint="ask for a new one")


def _payload(ticket: Ticket) -> bytes:
    try:
        payload = ticket.model_dump_json().encode()
        whole = Ticket.model_validate_json(payload).model_dump_json().encode() == payload
    except ValueError:
        whole = False
    if not whole:
        raise RequestInvalid("the request holds a value that a ticket cannot carry")
    return payload


def _binding(audience: str) -> bytes:
    return _BINDING + audience.encode()


def _check_encoding(body: bytes) -> None:
    """Refuse base64 that a lenient decoder would read like another text: no byte can be changed (T10)."""
    try:
        decoded = base64.b64decode(body + b"=" * (-len(body) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise TicketRefused("this is not a ticket", reason="ticket-malformed") from None
    if _encode(decoded) != body or len(decoded) <= _SIGNATURE_BYTES:
        raise TicketRefused("this is not a ticket", reason="ticket-malformed")


def _encode(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
