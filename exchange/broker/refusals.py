"""A denial as the error that is answered: the public reason, a text, the id, and nothing else (T55, T56)."""

from __future__ import annotations

from exchange.errors import (
    AccessRefused,
    ColumnUnknown,
    ConnectorUnavailable,
    ExchangeError,
    IdentityError,
    LimitReached,
    PredicateInvalid,
    RequestInvalid,
    Unavailable,
)
from exchange.model.decision import Decision
from exchange.model.predicate_sql import HINT

_NOT_GRANTED = "access to this dataset for this purpose is not granted"

_BY_REASON: dict[str, type[ExchangeError]] = {
    "column-unknown": ColumnUnknown,
    "predicate-invalid": PredicateInvalid,
    "connector-unavailable": ConnectorUnavailable,
    "limit-exhausted": LimitReached,
    "request-invalid": RequestInvalid,
    "identity-refused": IdentityError,
    "unavailable": Unavailable,
}
"""Reasons a subject may learn because the gates had opened; every other one is answered as not granted."""


def refusal(decision: Decision, access_id: str) -> ExchangeError:
    """The error that answers a denial.

    What could betray whether a dataset, grant or purpose exists comes out as one and the same error, built
    here and nowhere else: same class, same text, same metadata.
    """
    kind = _BY_REASON.get(decision.public_reason)
    if kind is None:
        return AccessRefused(_NOT_GRANTED, reason="not-granted", id=access_id)
    return kind(
        decision.message or "the request was refused",
        hint=HINT if kind is PredicateInvalid else "",
        reason=decision.public_reason,
        id=access_id,
    )
