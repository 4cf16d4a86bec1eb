"""The claims of a ticket (step 5): who may fetch what, from whom, until when, under which obligations."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from exchange.model.base import Frozen
from exchange.model.obligation import Obligations
from exchange.model.predicate import Predicate

TICKET_LIFETIME_S_MAX = 300
STREAM_LIFETIME_S_MAX = 6 * 3600
CLOCK_LEEWAY_S = 5
TICKET_BYTES_MAX = 256 * 1024


class Ticket(Frozen):
    """One read, granted once.

    Attributes:
        version: of the claims; another one is refused (T20).
        id: the access id; the decision, START, END and both receipts carry the same one.
        subject: SPIFFE id of the only consumer that may present it.
        audience: department whose connector may admit it.
        dataset: dataset id.
        schema_digest: of the dataset when it was decided; a redefinition voids the ticket (T21).
        purpose: what the data may be used for.
        obligations: what the connector must fulfil.
        where: the consumer's own predicate, bound to the governed columns.
        revision: policy revision of the decision.
        audit_index: index of the decision's record in the audit log.
        issued_at: unix seconds.
        expires_at: unix seconds; admission is refused from then on.
        stream_until: unix seconds; a running stream is ended then.
        trace_id: W3C trace id.
    """

    version: Literal[1] = 1
    id: str = Field(pattern=r"^[0-9a-f]{32}$")
    subject: str
    audience: str
    dataset: str
    schema_digest: str
    purpose: str
    obligations: Obligations
    where: Predicate | None = None
    revision: int = Field(ge=1)
    audit_index: int = Field(ge=0)
    issued_at: int
    expires_at: int
    stream_until: int
    trace_id: str
