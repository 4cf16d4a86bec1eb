"""What connectors and consumers said of a stream (step 10), kept so that their signatures stay verifiable.

The signed statement is nested verbatim as text: the bytes that were signed survive whatever a later version
thinks of their content. Beside it stand the plain fields an auditor searches by; `verify` holds the two
against each other.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import Certificate, InvalidVersion, load_der_x509_certificate
from pydantic import Field, TypeAdapter, ValidationError

from exchange.audit.records.record import Code, Count, Digest, Hex, Name, Record, Spiffe
from exchange.errors import RequestInvalid
from exchange.model import receipt as signed

STATEMENT_PREFIX = b"exchange.v1.statement\n"
_STATEMENT: TypeAdapter[signed.Statement] = TypeAdapter(signed.Statement)


class Delivery(Record):
    """The fields common to start, end, received and refusal.

    Attributes:
        subject: SPIFFE id of the consumer; "" where the statement and the decision tell none.
        speaker: SPIFFE id of who signed: the connector, or the consumer.
        dataset: dataset id; "" where it is not known.
        outcome: started, complete, aborted, failed, cut, or refused.
        reason: stable code where the outcome is not a good one.
        rows, bytes, batches, digest: as the speaker counted; 0 and "" where it does not apply.
        statement: canonical JSON, the very text that was signed.
        signature: ECDSA P-256 / SHA-256 over `exchange.v1.statement`, a newline, and the statement; DER, hex.
        certificate: SHA-256 of the signer's certificate, which stands in a `certificate` record before.
    """

    subject: Spiffe = ""
    speaker: Spiffe
    dataset: Name = ""
    outcome: Literal["started", "complete", "aborted", "failed", "cut", "refused"]
    reason: Code = ""
    rows: Count = 0
    bytes: Count = 0
    batches: Count = 0
    digest: Digest = ""
    statement: Annotated[str, Field(max_length=16384)]
    signature: Hex
    certificate: Digest


class StartRecord(Delivery):
    """A connector admitted a ticket; durable before the first byte (step 6)."""

    kind: Literal["start"] = "start"


class EndRecord(Delivery):
    """A connector's account of a stream (step 9)."""

    kind: Literal["end"] = "end"


class ReceivedRecord(Delivery):
    """A consumer's account of the same stream (step 10)."""

    kind: Literal["received"] = "received"


class RefusalRecord(Delivery):
    """A connector refused a call; no data flowed."""

    kind: Literal["refusal"] = "refusal"


_KINDS: dict[str, type[StartRecord | EndRecord | ReceivedRecord | RefusalRecord]] = {
    "start": StartRecord,
    "end": EndRecord,
    "received": ReceivedRecord,
    "refusal": RefusalRecord,
}


def delivery(
    receipt: signed.Receipt, *, subject: str = "", dataset: str = "", trace: str = ""
) -> StartRecord | EndRecord | ReceivedRecord | RefusalRecord:
    """The record of a signed statement.

    Args:
        receipt: as submitted. Whoever calls has verified signature, chain and speaker.
        subject: of the decision with the same access id, for statements that do not name one.
        dataset: likewise.
        trace: W3C trace id of that access.

    Raises:
        RequestInvalid: the statement is not one, or a field does not fit the record's limits.
    """
    try:
        statement = _STATEMENT.validate_json(receipt.statement, strict=False)
        fields = {"subject": subject, "dataset": dataset, **plain_fields(json.loads(receipt.statement))}
        return _KINDS[statement.kind](
            trace=trace,
            statement=receipt.statement,
            signature=receipt.signature,
            certificate=hashlib.sha256(bytes.fromhex(receipt.certificate)).hexdigest(),
            **fields,
        )
    except (ValidationError, ValueError) as error:
        raise RequestInvalid("the statement cannot be recorded", detail=str(error)) from None


def plain_fields(statement: dict[str, Any]) -> dict[str, Any]:
    """The record's plain fields that a statement determines."""
    kind = statement["kind"]
    told = ("rows", "bytes", "batches", "digest", "reason", "subject", "dataset")
    fields: dict[str, Any] = {key: statement[key] for key in told if key in statement}
    fields["id"] = statement["ticket"]
    fields["speaker"] = statement["consumer" if kind == "received" else "connector"]
    fields["outcome"] = {"start": "started", "refusal": "refused"}.get(kind) or statement["outcome"]
    if kind == "received":
        fields["subject"] = statement["consumer"]
    return fields


def signer_key(der: str) -> EllipticCurvePublicKey | None:
    """The key of a certificate (DER, hex); None if it is none, or not of a curve."""
    certificate = certificate_in(der)
    try:
        public = certificate.public_key() if certificate is not None else None
    except (UnsupportedAlgorithm, ValueError, TypeError):
        return None
    return public if isinstance(public, EllipticCurvePublicKey) else None


def certificate_in(der: str) -> Certificate | None:
    """The certificate in a record (DER, hex); None if it is none. Its parts are parsed when asked for."""
    try:
        return load_der_x509_certificate(bytes.fromhex(der))
    except (UnsupportedAlgorithm, InvalidVersion, ValueError, TypeError):
        return None


def is_signed_by(public: EllipticCurvePublicKey | None, statement: str, signature: str) -> bool:
    """Whether the key signed the statement; no key signed nothing."""
    if public is None:
        return False
    try:
        public.verify(bytes.fromhex(signature), STATEMENT_PREFIX + statement.encode(), ECDSA(SHA256()))
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True
