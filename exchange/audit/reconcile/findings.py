"""What can be wrong between the accounts of one access: each code, how bad it is, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from exchange.audit.records.entry import Entry
from exchange.model.base import Frozen


class Severity(StrEnum):
    """How bad a finding is.

    ALARM: honest parties cannot cause it. WARNING: a crash or a long outage can. NOTE: worth knowing.
    """

    ALARM = "alarm"
    WARNING = "warning"
    NOTE = "note"


class Finding(Frozen):
    """One thing that does not fit.

    Attributes:
        code: stable, one of `ADVICE`.
        severity: of the code.
        id: access id.
        records: indices of the records that it rests on, ascending.
        dataset, subject: of the access, as far as its records tell.
        text: what is wrong, for people.
        advice: what to do about it.
    """

    code: str
    severity: Severity
    id: str
    records: tuple[int, ...]
    dataset: str
    subject: str
    text: str
    advice: str


_ASK = "ask the connector's department for its journal, and compare it with these records"
_HALT = "treat the connector's keys as stolen: revoke its certificate, and ask whose data left"

ADVICE: dict[str, tuple[Severity, str]] = {
    "no-decision": (Severity.ALARM, _HALT),
    "denied-yet-delivered": (Severity.ALARM, _HALT),
    "decided-twice": (
        Severity.ALARM,
        "ask the broker's operator why one access id was decided more than once",
    ),
    "subject-differs": (Severity.ALARM, "find out who presented the ticket, and revoke that certificate"),
    "dataset-differs": (Severity.ALARM, _ASK),
    "wrong-speaker": (Severity.ALARM, _HALT),
    "above-row-limit": (
        Severity.ALARM,
        "have the connector's version checked: it did not keep an obligation",
    ),
    "late-start": (
        Severity.ALARM,
        "compare the connector's clock with the broker's; if they agree: " + _HALT,
    ),
    "start-missing": (Severity.ALARM, _ASK),
    "end-missing": (Severity.WARNING, "see whether the connector runs and reports; its journal has the END"),
    "unreported-delivery": (Severity.ALARM, _ASK),
    "delivered-after-revocation": (Severity.ALARM, "have the connector's version checked, and " + _ASK),
    "ticket-used-twice": (Severity.ALARM, _HALT),
    "account-changed": (Severity.ALARM, "ask the speaker which of its two signed statements is true"),
    "connector-says-less": (Severity.ALARM, _ASK),
    "consumer-says-less": (
        Severity.ALARM,
        "ask the consumer what became of the rest; both accounts are signed",
    ),
    "digest-differs": (Severity.ALARM, "what arrived is not what was sent: " + _ASK),
    "outcome-differs": (Severity.ALARM, _ASK),
    "receipt-missing": (Severity.NOTE, "nothing, if the consumer reads with a client that signs no receipts"),
    "ticket-never-issued": (Severity.ALARM, _HALT),
    "statement-refused": (Severity.WARNING, "ask the speaker why it signed what does not fit its ticket"),
}
"""Severity and advice of every code."""


def finding(
    code: str, id_: str, records: Iterable[Entry], text: str, *, dataset: str = "", subject: str = ""
) -> Finding:
    """A finding of this code.

    Args:
        code: one of `ADVICE`.
        id_: access id.
        records: what it rests on, at least one.
        text: one sentence, lower case.
        dataset: of the access.
        subject: of the access.
    """
    severity, advice = ADVICE[code]
    return Finding(
        code=code,
        severity=severity,
        id=id_,
        records=tuple(sorted({entry.index for entry in records})),
        dataset=dataset,
        subject=subject,
        text=text,
        advice=advice,
    )
