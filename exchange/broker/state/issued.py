"""The tickets that were issued: what receipts are matched against, and what rate windows count."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from exchange.broker.state.store import Store
from exchange.broker.state.windows import remaining
from exchange.model.obligation import Obligations


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

        def work(connection: sqlite3.Connection) -> Obligations | None:
            left = remaining(
                connection, ticket.subject, ticket.dataset, obligations.windows, ticket.issued_us
            )
            if left is not None and left <= 0:
                return None
            limited = _limit(obligations, left)
            rows = (limited.row_limit or 0) if limited.windows else 0
            connection.execute(
                "INSERT INTO ticket (id, subject, department, dataset, issued_us, expires_us, trace, rows)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    ticket.id,
                    ticket.subject,
                    ticket.department,
                    ticket.dataset,
                    ticket.issued_us,
                    ticket.expires_us,
                    ticket.trace,
                    rows,
                ),
            )
            return limited

        return self._store.write(work)

    def cancel(self, ticket_id: str) -> None:
        """Give back what a ticket reserved that never left the broker.

        Raises:
            Unavailable: it goes on counting, which is the safe side.
        """
        self._store.write(
            lambda connection: connection.execute("DELETE FROM ticket WHERE id = ?", (ticket_id,))
        )

    def find(self, ticket_id: str) -> IssuedTicket | None:
        """The ticket of that id, or None if none was ever issued."""
        query = (
            "SELECT id, subject, department, dataset, issued_us, expires_us, trace FROM ticket WHERE id = ?"
        )
        row = self._store.read(lambda connection: connection.execute(query, (ticket_id,)).fetchone())
        return IssuedTicket(*row) if row else None


def settle(connection: sqlite3.Connection, ticket_id: str, rows: int) -> None:
    """Count a ticket for the rows its END states, once; call it in the transaction that records the END."""
    connection.execute(
        "UPDATE ticket SET rows = ?, settled = 1 WHERE id = ? AND settled = 0", (rows, ticket_id)
    )


def _limit(obligations: Obligations, left: int | None) -> Obligations:
    if left is None:
        return obligations
    limit = left if obligations.row_limit is None else min(left, obligations.row_limit)
    return obligations.model_copy(update={"row_limit": limit})
