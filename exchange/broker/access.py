"""One attempt at access while it is being judged: who asks, what, when, and what was found so far."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass

from exchange.model.dataset import Dataset
from exchange.model.decision import Decision, Effect
from exchange.model.predicate import Predicate
from exchange.model.request import ReadRequest
from exchange.policy.facts import Action
from exchange.security.identity import Peer
from exchange.security.tickets import Claims

MICROS = 1_000_000


@dataclass(frozen=True, slots=True)
class Attempt:
    """An authenticated question.

    Attributes:
        id: the access id; the decision, the ticket, START, END and receipts carry it.
        peer: who asks, from the certificate.
        action: read, or describe.
        now_us: unix microseconds at which it is judged.
    """

    id: str
    peer: Peer
    action: Action
    now_us: int

    @classmethod
    def begin(cls, peer: Peer, action: Action, now_us: int) -> Attempt:
        """A new attempt under a fresh random id."""
        return cls(uuid.uuid4().hex, peer, action, now_us)

    @property
    def moment(self) -> dt.datetime:
        """When it is judged, in UTC."""
        return dt.datetime.fromtimestamp(self.now_us / MICROS, dt.UTC)

    def until_s(self, lifetime_s: int) -> int:
        """Unix seconds after which nothing given now is good: its lifetime, or the certificate's end (T8)."""
        return min(self.now_us // MICROS + lifetime_s, self.peer.not_after_us // MICROS)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided on a question, with all that the record, the ticket and the answer need of it.

    Attributes:
        state: the city's operating state it was decided in.
    """

    request: ReadRequest
    dataset: Dataset | None
    decision: Decision
    where: Predicate | None = None
    state: str = ""


@dataclass(frozen=True, slots=True)
class Decided:
    """A verdict on its way into the log.

    Attributes:
        claims: of the ticket; None with a denial.
    """

    attempt: Attempt
    verdict: Verdict
    claims: Claims | None = None

    @property
    def expires_s(self) -> int:
        """Unix seconds at which the ticket ends; 0 where there is none."""
        return self.claims.ticket.expires_at if self.claims else 0


def denied(decision: Decision, reason: str, *, public: str = "", message: str = "") -> Decision:
    """The decision turned into a denial for a reason that lies outside policy.

    Args:
        decision: as it stood, allowing.
        reason: stable code for the log.
        public: stable code for the subject; the same as `reason` if left out.
        message: for the subject, which holds a grant and may know the dataset.
    """
    return decision.model_copy(
        update={
            "effect": Effect.DENY,
            "reason": reason,
            "public_reason": public or reason,
            "message": message,
            "obligations": None,
        }
    )
