"""What happened to a ticket, said and signed by the one who saw it (step 10).

A statement is signed over its canonical JSON by the speaker's certificate key, so that a connector cannot
later deny a delivery, nor a consumer its receipt.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from exchange.model.base import Frozen

Count = Annotated[int, Field(ge=0, le=2**53 - 1)]


class Outcome(StrEnum):
    """How a stream ended."""

    COMPLETE = "complete"
    ABORTED = "aborted"
    FAILED = "failed"
    CUT = "cut"


class Start(Frozen):
    """The connector admitted a ticket; durable before the first byte."""

    kind: Literal["start"] = "start"
    ticket: str
    connector: str
    subject: str
    dataset: str
    at_us: Count


class End(Frozen):
    """The connector's account of a stream.

    Attributes:
        ticket: access id.
        connector: SPIFFE id of the speaker.
        rows: rows handed to the transport.
        bytes: Arrow IPC bytes handed to the transport (headers and bodies of record batches).
        batches: record batches handed over.
        digest: SHA-256 (hex) over those bytes in order.
        outcome: complete only if the source was exhausted or the row limit reached.
        reason: stable code where it is not complete; "" otherwise.
        started_us, ended_us: unix microseconds on the connector's clock.
    """

    kind: Literal["end"] = "end"
    ticket: str
    connector: str
    rows: Count
    bytes: Count
    batches: Count
    digest: str
    outcome: Outcome
    reason: str = ""
    started_us: Count
    ended_us: Count


class Received(Frozen):
    """The consumer's account of the same stream; the same digest proves delivery to both."""

    kind: Literal["received"] = "received"
    ticket: str
    consumer: str
    rows: Count
    bytes: Count
    batches: Count
    digest: str
    outcome: Outcome
    reason: str = ""
    at_us: Count


class Refusal(Frozen):
    """The connector refused a call: no data flowed.

    `ticket` is "" unless the ticket's signature was good: an unverified id proves nothing.
    """

    kind: Literal["refusal"] = "refusal"
    ticket: str
    connector: str
    subject: str
    call: str
    reason: str
    at_us: Count


Statement = Annotated[Start | End | Received | Refusal, Field(discriminator="kind")]


class Receipt(Frozen):
    """A signed statement.

    Attributes:
        statement: canonical JSON (RFC 8785) of a Statement, the bytes that were signed, as text.
        signature: ECDSA P-256 / SHA-256 (ASN.1 DER), hex.
        certificate: the speaker's leaf certificate, DER, hex.
        issuers: the intermediates from the leaf upwards, DER, hex; with them whoever holds the city's roots
            can verify the receipt, and nothing is taken on trust: a wrong one leads to no root.
    """

    statement: str = Field(max_length=16384)
    signature: str = Field(max_length=512)
    certificate: str = Field(max_length=16384)
    issuers: tuple[Annotated[str, Field(max_length=16384)], ...] = Field(default=(), max_length=3)
