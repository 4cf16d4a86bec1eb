"""Step 4: the decision as it stands in the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from exchange.audit.records.kinds import DecisionRecord
from exchange.audit.records.record import bounded_name, moment
from exchange.broker.access import MICROS, Attempt, Decided, Verdict
from exchange.broker.ledger import Ledger
from exchange.broker.understand import asked
from exchange.errors import RequestInvalid
from exchange.model.request import ReadRequest

_RULES_MAX = 64


def record_decisions(decided: Sequence[Decided], ledger: Ledger) -> list[int | RequestInvalid]:
    """Append the decisions, denials too; their indices once all are durable.

    In the place of a question that is too large for a record stands the error that answers it; that it was
    asked and refused is recorded.

    Raises:
        AuditUnavailable: some may not be recorded, so nothing may be answered.
    """
    try:
        return list(ledger.append_many([_record(one, ledger) for one in decided]))
    except RequestInvalid as error:
        if len(decided) > 1:  # none was recorded: each by itself tells which it is
            return [found for one in decided for found in record_decisions([one], ledger)]
        ledger.append(_too_large(_plain(decided[0])))
        error.id = decided[0].attempt.id
        return [error]


def _record(decided: Decided, ledger: Ledger) -> DecisionRecord:
    verdict, expires_s = decided.verdict, decided.expires_s
    return DecisionRecord(
        **_plain(decided),
        **asked(verdict.request, _granted(verdict), verdict.dataset, verdict.where, ledger),
        rules=tuple(map(bounded_name, verdict.decision.rules[:_RULES_MAX])),
        expires=moment(expires_s * MICROS) if expires_s else "",
    )


def record_malformed(
    attempt: Attempt, request: ReadRequest | None, reason: str, revision: int, ledger: Ledger
) -> None:
    """Append that something was asked which is no proper request; None if it could not even be read.

    Raises:
        AuditUnavailable: it is not recorded, so nothing may be answered.
    """
    asked_for = asked(request, (), None, None, ledger) if request else {"dataset": "", "purpose": ""}
    ledger.append(
        DecisionRecord(
            **_who(attempt),
            **asked_for,
            decision="deny",
            reason=reason,
            public_reason=reason,
            revision=revision,
        )
    )


def _who(attempt: Attempt) -> dict[str, Any]:
    subject = attempt.peer.subject
    return {
        "id": attempt.id,
        "subject": subject.id,
        "department": subject.department,
        "action": attempt.action,
    }


def _granted(verdict: Verdict) -> tuple[str, ...]:
    obligations = verdict.decision.obligations
    return tuple(rule.name for rule in obligations.columns if rule.delivered) if obligations else ()


def _plain(decided: Decided) -> dict[str, Any]:
    attempt, verdict = decided.attempt, decided.verdict
    decision, obligations = verdict.decision, verdict.decision.obligations
    return {
        **_who(attempt),
        "decision": decision.effect.value,
        "reason": decision.reason,
        "public_reason": decision.public_reason,
        "obligations": obligations.digest if obligations else "",
        "schema_digest": verdict.dataset.schema_digest if verdict.dataset else "",
        "revision": decision.revision,
        "state": verdict.state,
        "row_limit": (obligations.row_limit or 0) if obligations else 0,
    }


def _too_large(plain: dict[str, Any]) -> DecisionRecord:
    refused = {"decision": "deny", "reason": "too-large-to-record", "public_reason": "request-invalid"}
    kept = {**plain, **refused, "obligations": "", "row_limit": 0}
    return DecisionRecord(**kept, dataset="", purpose="")
