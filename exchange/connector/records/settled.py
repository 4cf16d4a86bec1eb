"""Which tickets are settled: all that were used are reported, and no other one of them will ever be used.

The broker frees the rows of tickets that were never used on this word, so it must hold whatever happens next:
it is written down before it is given, and admission refuses what lies before it, also after a restart, a lost
heartbeat or a clock that was set back.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from exchange.errors import TicketRefused
from exchange.model.ticket import CLOCK_LEEWAY_S, Ticket

SCHEMA = """
CREATE TABLE IF NOT EXISTS settled(
  one INTEGER PRIMARY KEY CHECK (one = 1), since_us INTEGER NOT NULL, until_s INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS unreported(seq INTEGER PRIMARY KEY, expires_s INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS unreported_by_age ON unreported(expires_s);
"""
UNKNOWN = "ticket-unknown"
"""The broker's reason for a START of a ticket that it does not know: it has no rows to free for it."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """Tickets issued after `since_us` (unix microseconds) and expired before `until_s` (unix seconds)."""

    since_us: int
    until_s: int


def check_open(db: sqlite3.Connection, ticket: Ticket) -> None:
    """Refuse a ticket that was given back, or may have been.

    Raises:
        TicketRefused: `ticket-expired`.
    """
    row = db.execute("SELECT until_s FROM settled").fetchone()
    if row is not None and ticket.expires_at < row[0]:
        raise TicketRefused(
            "the ticket has expired", reason="ticket-expired", hint="ask for a new one", id=ticket.id
        )


def used(db: sqlite3.Connection, ticket: Ticket, seq: int) -> None:
    """The ticket is used, and its START waits for the broker under this number."""
    db.execute("INSERT INTO unreported VALUES (?, ?)", (seq, ticket.expires_at))


def reported(db: sqlite3.Connection, seq: int, refused: str = "") -> None:
    """The broker answered for a statement.

    A START that it refuses to record stays unreported, and nothing from that ticket on is settled until the
    operator has found out why: rows may have left under it.
    """
    if refused in {"", UNKNOWN}:
        db.execute("DELETE FROM unreported WHERE seq = ?", (seq,))


def settle(db: sqlite3.Connection, now_us: int, broker_us: int) -> Settlement:
    """Settle what is past for both clocks, and say so for good.

    Args:
        db: the journal, in a transaction; the word is given only once it is durable.
        now_us: this clock.
        broker_us: what the broker's clock said last. Nothing is said of tickets that were issued before it
            was first heard: an earlier journal of this connector, lost since, may have used them.
    """
    db.execute("INSERT OR IGNORE INTO settled VALUES (1, ?, 0)", (broker_us,))
    past_s = min(now_us, broker_us) // 1_000_000 - CLOCK_LEEWAY_S
    db.execute(
        "UPDATE settled SET until_s ="
        " max(until_s, min(?, coalesce((SELECT min(expires_s) FROM unreported), ?)))",
        (past_s, past_s),
    )
    return Settlement(*db.execute("SELECT since_us, until_s FROM settled").fetchone())
