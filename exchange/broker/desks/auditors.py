"""The log as auditors read it over the wire; that they read it is recorded too."""

from __future__ import annotations

from collections.abc import Iterator

from exchange.audit.log import AuditLog
from exchange.broker.ledger import Ledger
from exchange.model.subject import Subject

CHUNK_RECORDS_MAX = 256
CHUNK_BYTES_MAX = 1 << 20


class AuditDesk:
    """Serves records and checkpoints; nothing here needs to be believed."""

    def __init__(self, log: AuditLog, ledger: Ledger) -> None:
        self._log = log
        self._ledger = ledger

    def checkpoint(self, auditor: Subject) -> bytes:
        """The latest signed checkpoint; the reading of it is on record first.

        Raises:
            AuditUnavailable: it cannot be recorded, so nothing is shown.
        """
        self._ledger.done("exchange.v1.AuditService/GetCheckpoint", auditor)
        return self._log.checkpoint()

    def entries(self, auditor: Subject, start: int, count: int) -> Iterator[tuple[int, list[bytes]]]:
        """Records from `start` on in chunks, each with its first index; `count` 0 means all there are now.

        Raises:
            AuditUnavailable: it cannot be recorded, so nothing is shown.
        """
        target = f"{start}+{count}" if count else f"{start}+"
        self._ledger.done("exchange.v1.AuditService/ReadEntries", auditor, target)
        chunk: list[bytes] = []
        size, at = 0, start
        for record in self._log.read(start, count or None):
            if chunk and (len(chunk) == CHUNK_RECORDS_MAX or size + len(record) > CHUNK_BYTES_MAX):
                yield at, chunk
                at, chunk, size = at + len(chunk), [], 0
            chunk.append(record)
            size += len(record)
        if chunk:
            yield at, chunk
