"""The answer of the policy decision point: a value, never an exception."""

from __future__ import annotations

from enum import StrEnum

from exchange.model.base import Frozen
from exchange.model.obligation import Obligations


class Effect(StrEnum):
    """Allow or deny; there is no third answer."""

    ALLOW = "allow"
    DENY = "deny"


class Decision(Frozen):
    """What was decided, by which rules, under which revision.

    Attributes:
        effect: allow or deny.
        reason: stable code of the decisive reason, for the audit log ("granted", "no-grant", ...).
        public_reason: the code the consumer may learn; what would betray existence is "not-granted" (T56).
        message: a text for the consumer; "" unless the subject may know the dataset.
        rules: ids of the rules that decided, `<file>:<line>` or `<file>#<id>`.
        obligations: what must be fulfilled; None exactly when denied.
        revision: the policy revision the whole decision stands on.
    """

    effect: Effect
    reason: str
    public_reason: str
    message: str = ""
    rules: tuple[str, ...] = ()
    obligations: Obligations | None = None
    revision: int

    @property
    def allowed(self) -> bool:
        """Whether data may flow; true only together with obligations, so that neither stands alone."""
        return self.effect is Effect.ALLOW and self.obligations is not None
