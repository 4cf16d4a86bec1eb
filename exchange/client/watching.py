"""The auditor's eye on the broker's log: what it reads and what its own reading adds to the log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from exchange.audit.follow import edge_from_proof, stated
from exchange.audit.records.entry import Entry
from exchange.client.session import Session
from exchange.client.settings import ClientSettings
from exchange.model.clock import Clock, SystemClock
from exchange.wire import auditing
from exchange.wire.proving import Wanted, prove_inclusion

CALLS = ("exchange.v1.AuditService/GetCheckpoint", "exchange.v1.AuditService/ReadEntries")
PENDING_MAX = 300
"""Records of our own reading that may wait unread; then they are read like any others."""


class BrokerSource:
    """A broker's log over the wire. Each look at it becomes a record in it, so looks are few."""

    def __init__(self, settings: ClientSettings, clock: Clock | None = None) -> None:
        """Connect when first asked.

        Raises:
            ConfigError: a key or certificate cannot be used.
        """
        self._session = Session(settings, clock or SystemClock())
        self._limits = settings.limits
        self._root = b""
        self._pending = 0

    @property
    def pending(self) -> int:
        """Records of this reading that have not come back yet."""
        return self._pending if self._pending <= PENDING_MAX else 0

    def checkpoint(self) -> bytes:
        """The latest signed one; asking for it is on record."""
        note = auditing.get_checkpoint(self._session.broker, timeout_s=self._limits.ask_s)
        self._pending += 1
        self._root = stated(note).root
        return note

    def edge(self, size: int) -> Sequence[bytes]:
        """From the proof of the last record under the checkpoint asked for last.

        Raises:
            LogCorrupt: the proof does not lead to its root.
        """
        wanted = Wanted(index=size - 1, tree_size=size)
        proven = prove_inclusion(self._session.broker, wanted, timeout_s=self._limits.ask_s)
        return edge_from_proof(proven.record, proven.proof, size, self._root)

    def records(self, start: int, count: int) -> Iterator[tuple[int, Sequence[bytes]]]:
        """As they lie in the log; reading them is on record."""
        self._pending += 1
        yield from auditing.read_entries(self._session.broker, start, count, timeout_s=self._limits.stream_s)

    def saw(self, entry: Entry) -> None:
        """Count down what came back of our own reading."""
        if self._pending and self.owns(entry) and entry.fields.get("call") in CALLS:
            self._pending -= 1

    def owns(self, entry: Entry) -> bool:
        """Whether the record only says that this auditor follows or reads the log."""
        fields = entry.fields
        return (
            entry.kind == "administration"
            and fields.get("subject") == self._session.subject.id
            and str(fields.get("call", "")).startswith("exchange.v1.AuditService/")
        )

    def close(self) -> None:
        """Close the connection; idempotent."""
        self._session.close()
