"""What the broker itself records: decisions, publications, registrations, administration, its log's life."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from exchange.audit.records.record import (
    Code,
    Count,
    Digest,
    Hex,
    Line,
    Moment,
    Name,
    Record,
    Spiffe,
    digest_of,
)
from exchange.model.base import Frozen

COLUMNS_LISTED_MAX = 256
COLUMNS_CHARS_MAX = 8192
COLUMNS_FEW = 64
PREDICATE_CHARS_MAX = 4096


class DecisionRecord(Record):
    """A decision, allow or deny; durable before it is answered (step 4).

    A question about very many columns must be recordable too: `columns` then lists the first of them, while
    `columns_count` and `columns_digest` speak of all. `columns_of` fills the three.

    Attributes:
        subject: SPIFFE id of who asked; department: its department.
        dataset, purpose: as asked.
        columns: granted, in order; of a denial those asked for, none for "all that the policy allows".
        action: read, or describe.
        reason: the whole truth, for auditors; public_reason: what the subject was told.
        rules: ids of the rules that decided.
        obligations: SHA-256 of the obligations; "" when denied.
        schema_digest: SHA-256 of the dataset's schema at the decision; "" if the dataset is unknown.
        revision: policy revision the decision stands on.
        state: the city's operating state the decision stands on; "" where the question was malformed and
            never judged.
        predicate: the consumer's predicate with every literal as `?`.
        commitment: HMAC of the predicate's full text (`commitment.py`); "" for none.
        row_limit: the limit put into the ticket; 0 for none.
        expires: end of the ticket's life; "" when denied.
    """

    kind: Literal["decision"] = "decision"
    subject: Spiffe
    department: Code
    dataset: Name
    columns: tuple[Name, ...] = Field(default=(), max_length=COLUMNS_LISTED_MAX)
    columns_count: Count = 0
    columns_digest: Digest = ""
    purpose: Code
    action: Literal["read", "describe"]
    decision: Literal["allow", "deny"]
    reason: Code
    public_reason: Code
    rules: tuple[Name, ...] = Field(default=(), max_length=64)
    obligations: Digest = ""
    schema_digest: Digest = ""
    revision: Count
    state: Name = ""
    predicate: Annotated[str, Field(max_length=PREDICATE_CHARS_MAX)] = ""
    commitment: Digest = ""
    row_limit: Count = 0
    expires: Moment = ""


class ColumnsAsked(NamedTuple):
    """The three column fields of a decision."""

    columns: tuple[str, ...]
    columns_count: int
    columns_digest: str


def columns_of(names: tuple[str, ...]) -> ColumnsAsked:
    """The column fields for these names, listing as many as fit; the digest covers all of them, in order."""
    return _of_few(names) if len(names) <= COLUMNS_FEW else _of_names(names)


@lru_cache(maxsize=1024)
def _of_few(names: tuple[str, ...]) -> ColumnsAsked:
    """Remembered, since most questions are asked again; of few names only, so that memory stays small."""
    return _of_names(names)


def _of_names(names: tuple[str, ...]) -> ColumnsAsked:
    listed: list[str] = []
    room = COLUMNS_CHARS_MAX
    for name in names[:COLUMNS_LISTED_MAX]:
        room -= len(name)
        if room < 0:
            break
        listed.append(name)
    return ColumnsAsked(
        columns=tuple(listed), columns_count=len(names), columns_digest=digest_of(list(names))
    )


class FileDigest(Frozen):
    """One policy file of a publication: its path in the department's folder and its SHA-256."""

    path: Annotated[str, Field(max_length=200)]
    digest: Digest


class PublicationRecord(Record):
    """A steward's policy files came into force, or were refused.

    Attributes:
        subject: SPIFFE id of the steward; department: whose policy it is.
        revision: in force from now on; previous: the one before. Equal when refused.
        bundle: SHA-256 of the whole bundle.
        files: what was published.
        message: the steward's words.
        outcome: published or refused; reason: stable code where refused.
        statement, signature, certificate: what the steward signed, as in deliveries.
    """

    kind: Literal["publication"] = "publication"
    subject: Spiffe
    department: Code
    revision: Count
    previous: Count
    bundle: Digest
    files: tuple[FileDigest, ...] = Field(default=(), max_length=128)
    message: Line = ""
    outcome: Literal["published", "refused"]
    reason: Code = ""
    statement: Annotated[str, Field(max_length=16384)] = ""
    signature: Hex = ""
    certificate: Digest = ""


class RevocationRecord(Record):
    """A ticket that was out is not allowed any more: refused from now on, its running stream ended.

    Attributes:
        id: the access id, as in the decision that had granted it.
        subject: SPIFFE id of the consumer; department: its department.
        dataset, purpose: what the ticket was for.
        speaker: SPIFFE id of the connector that asked, and ends it.
        revision: policy revision that does not allow it; previous: the one it was granted under.
        reason: stable code of the decision now; "narrowed" where less would be allowed than the ticket says.
    """

    kind: Literal["revocation"] = "revocation"
    subject: Spiffe
    department: Code
    dataset: Name
    purpose: Code
    speaker: Spiffe
    revision: Count
    previous: Count
    reason: Code


class RegistrationRecord(Record):
    """A connector offered or withdrew a dataset; one record for each dataset.

    Attributes:
        subject: SPIFFE id of the connector; department: its department.
        dataset, schema_digest: what it offers, and its schema.
        columns_count: number of columns declared.
        location: "host:port" where it serves.
        outcome: registered, changed (the schema differs from before), withdrawn, lost (heartbeats ceased),
            or refused; reason: stable code where refused.
    """

    kind: Literal["registration"] = "registration"
    subject: Spiffe
    department: Code
    dataset: Name
    schema_digest: Digest = ""
    columns_count: Count = 0
    location: Name = ""
    outcome: Literal["registered", "changed", "withdrawn", "lost", "refused"]
    reason: Code = ""


class AdministrationRecord(Record):
    """A call that changes or reveals how the exchange runs: keys, grants, reading of this log.

    Attributes:
        subject: SPIFFE id of the caller; department: its department.
        call: the call's name, for example `AuditService/ReadEntries`.
        target: what it was about, an id or name.
        outcome: done or refused; reason: stable code where refused.
    """

    kind: Literal["administration"] = "administration"
    subject: Spiffe
    department: Code = ""
    call: Name
    target: Name = ""
    outcome: Literal["done", "refused"]
    reason: Code = ""


class CertificateRecord(Record):
    """A certificate, the first time its signature is met, so that receipts verify when nobody else has it.

    Attributes:
        subject: SPIFFE id it names; "" for an authority.
        role: signer, or authority (an issuer on the signer's chain).
        certificate: SHA-256 of the DER; what deliveries refer to.
        der: the certificate, DER, hex.
    """

    kind: Literal["certificate"] = "certificate"
    subject: Spiffe = ""
    role: Literal["signer", "authority"]
    certificate: Digest
    der: Hex


class KeyRecord(Record):
    """A key that the broker works with from now on; at each start all of them, one record each.

    What was stated at the start before and is not stated any more is used no more.

    Attributes:
        subject: whose key: SPIFFE id of the broker, or the name of a witness.
        role: ticket, audit (signs the log), witness, identity, listener (the broker's two certificates).
        target: PASERK `k4.pid` of a ticket key, `name+id+key` of the log's and of witnesses' keys; "" for
            certificates.
        certificate: SHA-256 of the DER; "" for plain keys.
        outcome: signing, or accepted (what it signed before is still good).
        expires: end of the certificate's life; "" for plain keys.
    """

    kind: Literal["key"] = "key"
    subject: Spiffe
    role: Literal["ticket", "audit", "witness", "identity", "listener"]
    target: Line = ""
    certificate: Digest = ""
    outcome: Literal["signing", "accepted"]
    expires: Moment = ""


class LogRecord(Record):
    """The log speaks of itself.

    Attributes:
        subject: SPIFFE id of the broker that writes.
        event: opened, closed, recovered (an unfinished batch was cut off), clock-step (the clock jumped).
        size: records in the log before this one.
        dropped_bytes: of the unfinished, never acknowledged batch.
        step_us: how far the clock jumped; negative is back.
        version: of the software.
    """

    kind: Literal["log"] = "log"
    subject: Spiffe = ""
    event: Literal["opened", "closed", "recovered", "clock-step"]
    size: Count = 0
    dropped_bytes: Count = 0
    step_us: Annotated[int, Field(ge=-(2**53) + 1, le=2**53 - 1)] = 0
    version: Code = ""
