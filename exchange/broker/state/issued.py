"""The tickets that were issued: what receipts are matched against, and what rate windows count."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from enum import IntEnum

from exchange.broker.state.store import Store
from exchange.broker.state.windows import reader_of, remaining
from exchange.model.obligation import Obligations
from exchange.model.receipt import End


class Stage(IntEnum):
    """How far a ticket got, as far as the audit log tells."""

    OPEN = 0
    STARTED = 1
    ENDED = 2
    UNUSED = 3


@dataclass(frozen=True, slots=True)
class IssuedTicket:
    """What the broker remembers of a ticket; times in unix microseconds."""

    id: str
    subject: str
    department: str
    dataset: str
    issued_us: int
    expires_us: int
    trace: str


class IssuedTickets:
    """The durable list of tickets."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def reserve(self, ticket: IssuedTicket, obligations: Obligations) -> Obligations | None:
        """Enter a ticket before it exists, and reserve the rows it may deliver.

        Returns:
            The obligations with the row limit that the rate windows leave, or None if they leave nothing.

        Raises:
            Unavailable: nothing was entered.
        """
        if not obligations.windows:
            # nothing is counted against it now, so nothing has to be read before the decision
            self._store.later(lambda connection: insert(connection, ticket, 0))
            return obligations

        def work(connection: sqlite3.Connection) -> Obligations | None:
            left = remaining(
                connection, reader_of(ticket.subject), ticket.dataset, obligations.windows, ticket.issued_us
            )
            if left is not None and left <= 0:
                return None
            limited = _limit(obligations, left)
            insert(connection, ticket, limited.row_limit or 0)
            return limited

        # the decision's record is what is waited for: should this be lost with the power, that brings it back
        return self._store.note(work)

    def cancel(self, ticket_id: str) -> None:
        """Give back what a ticket reserved that never left the broker.

        Raises:
            Unavailable: it goes on counting, which is the safe side.
        """
        self._store.note(
            lambda connection: connection.execute("DELETE FROM ticket WHERE id = ?", (ticket_id,))
        )

    def find(self, ticket_id: str) -> IssuedTicket | None:
        """The ticket of that id, or None if none was ever issued."""
        query = (
            "SELECT id, subject, department, dataset, issued_us, expires_us, trace FROM ticket WHERE id = ?"
        )
        row = self._store.read(lambda connection: connection.execute(query, (ticket_id,)).fetchone())
        return IssuedTicket(*row) if row else None


def insert(connection: sqlite3.Connection, ticket: IssuedTicket, rows: int) -> None:
    """Enter a ticket that may deliver so many rows; a second time changes nothing."""
    row = (ticket.id, ticket.subject, ticket.department, ticket.dataset)
    times = (ticket.issued_us, ticket.expires_us, ticket.trace)
    connection.execute(
        "INSERT OR IGNORE INTO ticket VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*row, *times, rows, rows, Stage.OPEN, reader_of(ticket.subject)),
    )


def note_start(connection: sqlite3.Connection, ticket_id: str) -> None:
    """The ticket was used: until its END tells more it counts for all its rows, even if it was given back."""
    connection.execute(
        "UPDATE ticket SET rows = reserved, stage = ? WHERE id = ? AND stage IN (?, ?)",
        (Stage.STARTED, ticket_id, Stage.OPEN, Stage.UNUSED),
    )


def note_end(connection: sqlite3.Connection, end: End) -> None:
    """Count a ticket for the rows its END states, once.

    An END without a digest speaks of a stream that died with its process: nobody knows what had left by then,
    so all the rows stay spent.
    """
    if not end.digest:
        note_start(connection, end.ticket)
        return
    connection.execute(
        "UPDATE ticket SET rows = ?, stage = ? WHERE id = ? AND stage <> ?",
        (end.rows, Stage.ENDED, end.ticket, Stage.ENDED),
    )


def give_back(
    connection: sqlite3.Connection, department: str, since_us: int, until_us: int, count_max: int
) -> int:
    """Free the rows of tickets that were never used and never can be; how many tickets.

    Args:
        connection: in a transaction.
        department: whose connector vouches that it has reported every ticket of its that it used.
        since_us: it does so for tickets issued later than this,
        until_us: and expired before this.
        count_max: free at most so many.
    """
    unused = (
        "SELECT id FROM ticket WHERE department = ? AND expires_us < ? AND issued_us > ?"
        " AND stage = 0 AND reserved > 0 LIMIT ?"
    )
    return connection.execute(
        f"UPDATE ticket SET rows = 0, stage = ? WHERE id IN ({unused})",  # noqa: S608 - two constants
        (Stage.UNUSED, department, until_us, since_us, count_max),
    ).rowcount


def _limit(obligations: Obligations, left: int | None) -> Obligations:
    if left is None:
        return obligations
    limit = left if obligations.row_limit is None else min(left, obligations.row_limit)
    return obligations.model_copy(update={"row_limit": limit})
