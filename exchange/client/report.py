"""What one read came to, as the consumer saw it."""

from __future__ import annotations

from exchange.model.base import Frozen
from exchange.model.receipt import Outcome, Received


class Report(Frozen):
    """The account of one read, complete or not.

    Attributes:
        id: the access id; the audit log knows the read by it.
        dataset: dataset id.
        rows, bytes, batches: what arrived; bytes of Arrow record batches.
        digest: SHA-256 (hex) over those bytes; equal to the connector's where the read is complete.
        revision: policy revision of the decision.
        audit_index: index of the decision's record.
        outcome: complete only if the connector's signed account agrees with what arrived.
        reason: stable code where it is not complete; "" otherwise.
    """

    id: str
    dataset: str
    rows: int
    bytes: int
    batches: int
    digest: str
    revision: int
    audit_index: int
    outcome: Outcome
    reason: str = ""

    def received(self, consumer: str, at_us: int) -> Received:
        """The same as a statement that the consumer signs (step 10)."""
        return Received(
            ticket=self.id,
            consumer=consumer,
            rows=self.rows,
            bytes=self.bytes,
            batches=self.batches,
            digest=self.digest,
            outcome=self.outcome,
            reason=self.reason,
            at_us=at_us,
        )
