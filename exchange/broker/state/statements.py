"""Which statements and certificates the audit log holds already: an index over the log."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from exchange.broker.state.issued import note_end, note_start
from exchange.broker.state.store import Store
from exchange.model.receipt import End, Refusal, Start, Statement
from exchange.security.signing import speaker


@dataclass(frozen=True, slots=True)
class Told:
    """A recorded statement: its key, the SHA-256 (hex) of its text, its record's index, and when that was."""

    key: str
    digest: str
    audit_index: int
    noted_us: int


def key_of(statement: Statement, digest: str) -> str:
    """What makes a statement the same one: kind, ticket, speaker; refusals can be many, differing by text."""
    if isinstance(statement, Refusal):
        return f"refusal:{digest}"
    return f"{statement.kind}:{statement.ticket}:{speaker(statement)}"


def digest_of(text: str) -> str:
    """SHA-256 (hex) of a statement's canonical text."""
    return hashlib.sha256(text.encode()).hexdigest()


class StatementIndex:
    """The index over recorded statements and certificates."""

    def __init__(self, store: Store) -> None:
        self._store = store
        # recorded, but not noted because the database failed: remembered, so that nothing is recorded twice
        self._ahead: dict[str, tuple[Statement, Told]] = {}

    @property
    def lags(self) -> bool:
        """Whether the log holds statements that the database could not note."""
        return bool(self._ahead)

    def find(self, key: str) -> Told | None:
        """The statement recorded under this key, or None."""
        if ahead := self._ahead.get(key):
            return ahead[1]
        query = "SELECT key, digest, audit_index, noted_us FROM statement WHERE key = ?"
        row = self._store.read(lambda connection: connection.execute(query, (key,)).fetchone())
        return Told(*row) if row else None

    def knows_certificate(self, fingerprint: str) -> bool:
        """Whether the log holds this certificate."""
        query = "SELECT 1 FROM certificate WHERE fingerprint = ?"
        return self._store.read(lambda found: found.execute(query, (fingerprint,)).fetchone()) is not None

    def add(self, told: Iterable[tuple[Statement, Told]], fingerprints: Iterable[str]) -> None:
        """Note what was recorded, and what its tickets count for from now on.

        Raises:
            Unavailable: it is remembered until the next call or until the log is read again at start.
        """
        self._ahead |= {one.key: (statement, one) for statement, one in told}
        entries, prints = list(self._ahead.values()), list(fingerprints)

        def work(connection: sqlite3.Connection) -> None:
            for fingerprint in prints:
                insert_certificate(connection, fingerprint)
            for statement, one in entries:
                insert_statement(connection, statement, one)

        self._store.note(work)
        for _, one in entries:
            self._ahead.pop(one.key, None)

    def catch_up(self) -> None:
        """Note what is recorded and could not be noted before.

        Raises:
            Unavailable: it still cannot.
        """
        if self._ahead:
            self.add((), ())


def insert_statement(connection: sqlite3.Connection, statement: Statement, told: Told) -> None:
    """Note one statement; a second time changes nothing."""
    connection.execute(
        "INSERT OR IGNORE INTO statement (key, digest, audit_index, noted_us) VALUES (?, ?, ?, ?)",
        (told.key, told.digest, told.audit_index, told.noted_us),
    )
    if isinstance(statement, Start):
        note_start(connection, statement.ticket)
    elif isinstance(statement, End):
        note_end(connection, statement)


def insert_certificate(connection: sqlite3.Connection, fingerprint: str) -> None:
    """Note one certificate; a second time changes nothing."""
    connection.execute("INSERT OR IGNORE INTO certificate (fingerprint) VALUES (?)", (fingerprint,))
