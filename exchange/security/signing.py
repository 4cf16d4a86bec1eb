"""Signed statements (step 10): what a connector, a consumer or a steward said, so that it cannot be unsaid.

A statement's canonical JSON (RFC 8785) is signed with ECDSA P-256 and SHA-256 by the key of the speaker's
identity certificate, behind a prefix that keeps these signatures apart from every other use of that key.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Protocol, cast

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import TypeAdapter, ValidationError

from exchange.errors import PkiError, RequestInvalid
from exchange.model.canonical import JsonValue, canonical, is_canonical
from exchange.model.receipt import Receipt, Received, Statement
from exchange.security.credentials import subject_alternative_names
from exchange.security.pki.pem import UNREADABLE

PREFIX = b"exchange.v1.statement\n"
STATEMENT_KINDS = frozenset({"start", "end", "received", "refusal"})

_STATEMENTS: TypeAdapter[Statement] = TypeAdapter(Statement)
_ECDSA = ec.ECDSA(hashes.SHA256())


class Signer(Protocol):
    """Whoever can sign statements in a process's own name."""

    def sign(self, statement: Statement) -> Receipt:
        """The statement with its signature."""


class StatementSigner:
    """Signs with the private key of one identity certificate; safe to use from many threads.

    Args:
        key: of the certificate.
        certificate: the speaker's leaf.
        issuers: its intermediates, upwards; they go into each receipt so that roots alone verify it.

    Raises:
        PkiError: the key is not that of the certificate.
    """

    def __init__(
        self,
        key: ec.EllipticCurvePrivateKey,
        certificate: x509.Certificate,
        issuers: Sequence[x509.Certificate] = (),
    ) -> None:
        if certificate.public_key() != key.public_key():
            raise PkiError("the signing key is not the key of the certificate")
        self._key = key
        self._certificate = _der(certificate)
        self._issuers = tuple(map(_der, issuers))

    def sign(self, statement: Statement) -> Receipt:
        """The statement with its signature.

        Raises:
            RequestInvalid: the statement is too large or cannot be written canonically.
        """
        return self._sign(canonical(statement.model_dump(mode="json")))

    def sign_canonical(self, kind: str, value: dict[str, JsonValue]) -> Receipt:
        """Sign `value` with `kind` added: for what is no statement about a ticket, such as a new policy.

        Raises:
            RequestInvalid: the kind is one of a statement's, the value has its own `kind`, is too large, or
                cannot be written canonically.
        """
        if kind in STATEMENT_KINDS or "kind" in value:
            raise RequestInvalid("a signed value cannot pass for another kind of statement")
        return self._sign(canonical({**value, "kind": kind}))

    def _sign(self, statement: bytes) -> Receipt:
        signature = self._key.sign(PREFIX + statement, _ECDSA)
        try:
            return Receipt(
                statement=statement.decode(),
                signature=signature.hex(),
                certificate=self._certificate,
                issuers=self._issuers,
            )
        except ValidationError:
            raise RequestInvalid("the statement is too large to sign", hint="sign a digest of it") from None


def verify_receipt(receipt: Receipt, certificate: x509.Certificate) -> Statement:
    """The statement, if exactly this certificate's holder signed it and speaks of itself.

    The caller knows the certificate to be good: from the TLS connection, or by `open_receipt`.

    Raises:
        RequestInvalid: `receipt-malformed`, `receipt-certificate`, `receipt-signature` or `receipt-speaker`.
    """
    text = _verified(receipt, certificate)
    try:
        statement = _STATEMENTS.validate_json(text)
    except ValidationError:
        raise _refused("the statement is of an unknown form", "receipt-malformed") from None
    names = subject_alternative_names(certificate)
    if [x509.UniformResourceIdentifier(speaker(statement))] != list(names):
        raise _refused("the statement speaks in another's name", "receipt-speaker")
    return statement


def verify_canonical(receipt: Receipt, certificate: x509.Certificate, kind: str) -> dict[str, JsonValue]:
    """The value that `StatementSigner.sign_canonical` signed under this kind.

    Raises:
        RequestInvalid: as `verify_receipt`; a value of another kind is `receipt-malformed`.
    """
    value = json.loads(_verified(receipt, certificate))
    if kind in STATEMENT_KINDS or not isinstance(value, dict) or value.pop("kind", None) != kind:
        raise _refused("the signed value is of another kind", "receipt-malformed")
    return cast("dict[str, JsonValue]", value)


def embedded_certificate(receipt: Receipt) -> x509.Certificate:
    """The leaf certificate the receipt carries; nothing about it is verified yet.

    Raises:
        RequestInvalid: `receipt-malformed`.
    """
    return _parsed(receipt.certificate)


def embedded_issuers(receipt: Receipt) -> tuple[x509.Certificate, ...]:
    """The intermediates the receipt carries; nothing about them is verified yet.

    Raises:
        RequestInvalid: `receipt-malformed`.
    """
    return tuple(map(_parsed, receipt.issuers))


def speaker(statement: Statement) -> str:
    """The SPIFFE id of the one who makes the statement."""
    return statement.consumer if isinstance(statement, Received) else statement.connector


def _verified(receipt: Receipt, certificate: x509.Certificate) -> bytes:
    """The statement's bytes, authentic and canonical; the signature is checked before they are parsed."""
    if _der(certificate) != receipt.certificate:
        raise _refused("the receipt carries another certificate than its speaker's", "receipt-certificate")
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _refused("the receipt is not signed with a P-256 key", "receipt-certificate")
    try:
        statement, signature = receipt.statement.encode(), bytes.fromhex(receipt.signature)
        key.verify(signature, PREFIX + statement, _ECDSA)
    except (ValueError, InvalidSignature):
        raise _refused("the receipt's signature does not hold", "receipt-signature") from None
    if not is_canonical(statement):
        raise _refused("the statement is not in canonical form", "receipt-malformed")
    return statement


def _parsed(der: str) -> x509.Certificate:
    try:
        certificate = x509.load_der_x509_certificate(bytes.fromhex(der))
        certificate.extensions  # noqa: B018  # parsed lazily; a malformed one shall fail here
    except UNREADABLE:
        raise _refused("a certificate of the receipt is malformed", "receipt-malformed") from None
    return certificate


def _der(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.DER).hex()


def _refused(public: str, reason: str) -> RequestInvalid:
    return RequestInvalid(public, reason=reason)
