"""After a crash the log may be ahead of the database: what it holds is noted before anything is served.

The audit log is the truth; the database holds an index over it. Statements are appended first and noted
afterwards, so a crash between the two leaves the index behind. Tickets are entered first, so that no two see
the same remainder of a window, but only the record of the decision is waited for: after a power loss the
tickets come back from their decisions. A ticket whose decision is not in the log never left the broker.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Protocol

from pydantic import TypeAdapter

from exchange.audit.records.deliveries import Delivery
from exchange.audit.records.entry import Entry
from exchange.audit.records.kinds import CertificateRecord, DecisionRecord, PublicationRecord
from exchange.audit.records.record import moment_us
from exchange.broker.state.issued import IssuedTicket, insert
from exchange.broker.state.revisions import acknowledge
from exchange.broker.state.statements import Told, digest_of, insert_certificate, insert_statement, key_of
from exchange.broker.state.store import Store
from exchange.model.receipt import Statement

_SEEN = "audit_seen"
_CHUNK = 1000
_STATEMENT: TypeAdapter[Statement] = TypeAdapter(Statement)


class Readable(Protocol):
    """The part of the audit log that is read at start."""

    @property
    def size(self) -> int:
        """Number of records."""

    @property
    def first(self) -> int:
        """Index of the first record that is here: retention may have removed those before."""

    def one(self, index: int) -> bytes:
        """A record, also if it is one of those that retention keeps."""

    def read(self, start: int, count: int) -> Iterator[bytes]:
        """Records from an index on, as they lie in the log."""


def catch_up(store: Store, log: Readable) -> int:
    """Note everything the log holds that the database has not seen; returns the number of records read.

    What retention removed is older than any window and any ticket: nothing of it is waited for any more.

    Raises:
        LogCorrupt: a record cannot be read; the broker does not start.
    """
    start = max(seen(store), log.first)
    for at in range(start, log.size, _CHUNK):
        lines = list(log.read(at, min(_CHUNK, log.size - at)))
        store.write(lambda connection, at=at, lines=lines: _note(connection, at, lines))  # type: ignore[misc]
    return max(0, log.size - start)


def seen(store: Store) -> int:
    """Up to which index (excluded) the database surely reflects the log."""
    query = "SELECT value FROM counter WHERE name = ?"
    row = store.read(lambda connection: connection.execute(query, (_SEEN,)).fetchone())
    return int(row[0]) if row else 0


def mark_seen(store: Store, size: int) -> None:
    """Note, while nothing else runs, that the database reflects the log's first `size` records."""
    store.write(lambda connection: _mark(connection, size))


def _note(connection: sqlite3.Connection, start: int, lines: list[bytes]) -> None:
    for line in lines:
        entry = Entry.parse(line)
        _note_one(connection, entry)
    _mark(connection, start + len(lines))


def _note_one(connection: sqlite3.Connection, entry: Entry) -> None:
    record = entry.record()
    if isinstance(record, DecisionRecord) and record.expires:
        insert(connection, _ticket(record, entry.time_us), record.row_limit)
    elif isinstance(record, Delivery):
        statement, digest = _STATEMENT.validate_json(record.statement), digest_of(record.statement)
        told = Told(key_of(statement, digest), digest, entry.index, entry.time_us)
        insert_statement(connection, statement, told)
    elif isinstance(record, CertificateRecord):
        insert_certificate(connection, record.certificate)
    elif isinstance(record, PublicationRecord) and record.outcome == "published":
        acknowledge(connection, record.revision, entry.index)


def _ticket(record: DecisionRecord, time_us: int) -> IssuedTicket:
    """The ticket a decision led to. The record is a little younger, so windows count it a little longer."""
    return IssuedTicket(
        id=record.id,
        subject=record.subject,
        department=record.dataset.partition(".")[0],
        dataset=record.dataset,
        issued_us=time_us,
        expires_us=moment_us(record.expires),
        trace=record.trace,
    )


def _mark(connection: sqlite3.Connection, size: int) -> None:
    connection.execute(
        "INSERT INTO counter (name, value) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (_SEEN, size),
    )
