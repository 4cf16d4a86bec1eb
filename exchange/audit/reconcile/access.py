"""Everything the log holds of one access, as read from the log itself, ready to be judged."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from exchange.audit.reconcile.findings import Finding, finding
from exchange.audit.records.entry import Entry
from exchange.audit.records.record import moment_us


@dataclass(frozen=True, slots=True)
class Access:
    """The records of one access id, each kind in the order of the log.

    Statements that are the same text count once: to send one again is harmless.
    """

    id: str
    decisions: tuple[Entry, ...]
    starts: tuple[Entry, ...]
    ends: tuple[Entry, ...]
    received: tuple[Entry, ...]
    revocations: tuple[Entry, ...]

    @classmethod
    def of(cls, id_: str, entries: Iterable[Entry]) -> Access:
        """Sorted out by kind; other kinds do not matter here."""
        found: dict[str, dict[str, Entry]] = {}
        for entry in sorted(entries, key=lambda one: one.index):
            same = text(entry, "statement") or f"{entry.index}"
            found.setdefault(entry.kind, {}).setdefault(same, entry)
        kinds = ("decision", "start", "end", "received", "revocation")
        return cls(id_, *(tuple(found.get(kind, {}).values()) for kind in kinds))

    @property
    def granted(self) -> Entry | None:
        """The first decision that let this access read."""
        return next((entry for entry in self.decisions if is_grant(entry)), None)

    @property
    def told(self) -> tuple[Entry, ...]:
        """Whatever says that data flowed."""
        return (*self.starts, *self.ends, *self.received)

    def finding(self, code: str, entries: Iterable[Entry], sentence: str) -> Finding:
        """A finding about this access."""
        every = (*self.decisions, *self.told, *self.revocations)
        dataset = next((text(entry, "dataset") for entry in every if text(entry, "dataset")), "")
        subject = next((text(entry, "subject") for entry in every if text(entry, "subject")), "")
        return finding(code, self.id, entries, sentence, dataset=dataset, subject=subject)


def is_grant(decision: Entry) -> bool:
    """Whether the decision lets data flow: looking at a schema does not."""
    return text(decision, "decision") == "allow" and text(decision, "action") == "read"


def text(entry: Entry, name: str) -> str:
    """A text field; "" if there is none."""
    value = entry.fields.get(name)
    return value if isinstance(value, str) else ""


def number(entry: Entry, name: str) -> int:
    """A count; 0 if there is none."""
    return _integer(entry.fields.get(name))


def stated_us(entry: Entry, name: str) -> int:
    """A moment in the signed statement, on its speaker's clock, in unix microseconds; 0 if there is none."""
    try:
        statement = json.loads(text(entry, "statement"))
    except (ValueError, RecursionError):
        return 0
    return _integer(statement.get(name)) if isinstance(statement, dict) else 0


def expiry_us(decision: Entry) -> int:
    """When the ticket's life ends, in unix microseconds; 0 if the decision gave none."""
    try:
        return moment_us(text(decision, "expires"))
    except ValueError:
        return 0


def _integer(value: Any) -> int:
    return value if type(value) is int else 0
