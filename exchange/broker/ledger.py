"""The broker's hand on the audit log: whatever cannot be recorded durably is not answered."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Sequence
from typing import Protocol

from exchange.audit.records.kinds import AdministrationRecord
from exchange.audit.records.record import Record, bounded
from exchange.errors import AuditUnavailable, ExchangeError
from exchange.model.subject import Subject

_log = logging.getLogger("exchange.broker.audit")


class Log(Protocol):
    """The part of the audit log that the broker's steps need."""

    def append_many(self, records: Sequence[Record]) -> list[int]:
        """Append durably, in order; returns the indices."""

    def commitment(self, text: str) -> str:
        """A keyed commitment to a text."""


class Ledger:
    """Records what happens, and knows the one way of failing: AuditUnavailable."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._here = threading.local()

    def begin_call(self) -> None:
        """A call begins in this thread, of which nothing is on record yet."""
        self._here.recorded = False

    @property
    def recorded(self) -> bool:
        """Whether this thread has recorded anything since its call began."""
        return bool(getattr(self._here, "recorded", False))

    def append(self, record: Record) -> int:
        """Append the record; it is durable when this returns.

        Raises:
            AuditUnavailable: it is not, so nothing may be answered.
            RequestInvalid: the record is larger than one can be; nothing was recorded.
        """
        return self.append_many([record])[0]

    def append_many(self, records: Sequence[Record]) -> list[int]:
        """Append the records in order; all are durable when this returns.

        Raises:
            AuditUnavailable: some may not be, so nothing may be answered.
            RequestInvalid: one is larger than a record can be; none was recorded.
        """
        try:
            indices = self._log.append_many(records)
        except ExchangeError:
            raise
        except Exception as error:  # noqa: BLE001 - becomes a typed refusal
            # whatever it was: what is not known to be recorded counts as not recorded
            _log.exception("the audit log could not be written")
            raise AuditUnavailable("nothing can be recorded at the moment", detail=repr(error)) from None
        self._here.recorded = True
        return indices

    def refused(self, call: str, reason: str, subject: Subject | None, target: str = "") -> str:
        """Record that a call was refused; returns the id under which the record is found.

        Raises:
            AuditUnavailable: it could not be recorded.
        """
        return self._administration(call, subject, target, reason)

    def done(self, call: str, subject: Subject, target: str = "") -> str:
        """Record that an administrative call was answered; returns the record's id.

        Raises:
            AuditUnavailable: it could not be recorded, so it must not be answered.
        """
        return self._administration(call, subject, target, "")

    def commit_to(self, text: str) -> str:
        """A keyed commitment (hex) to a text that must not stand in the log itself (T62); "" for no text."""
        return self._log.commitment(text)

    def stranger(self, text: str) -> str:
        """A malformed text as it may stand in the log: no part of it, but provably this one (T61)."""
        return f"malformed:{self.commit_to(text)[:32]}"

    def _administration(self, call: str, subject: Subject | None, target: str, reason: str) -> str:
        access_id = uuid.uuid4().hex
        self.append(
            AdministrationRecord(
                id=access_id,
                subject=subject.id if subject else "",
                department=subject.department if subject else "",
                call=bounded(call, 256),
                target=bounded(target, 256),
                outcome="refused" if reason else "done",
                reason=reason,
            )
        )
        return access_id
