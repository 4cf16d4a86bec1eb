"""The connector's memory across crashes: tickets used, streams running, statements the broker must hear.

    used      a ticket id is here from before its first byte until it could not be used anyway (T16, T17, T18)
    running   streams with a START and no END, and the process that runs each
    outbox    signed statements the broker has not acknowledged, in order (F10)
    dead      statements the broker refused to record, for the operator
    unproven  what the broker says it recorded and has not proven yet, and what it could not (unproven.py)
    settled   up to when every used ticket is reported (settled.py)
    keys      the broker's ticket keys, so that a restart without the broker admits what is still valid (F11)
    revision  the newest policy revision heard of: older tickets need the broker's word, after a restart too

SQLite in WAL mode with `synchronous=FULL`: what was answered survives `kill -9` and power loss. The old and
the new serving process of a connector may have it open at once.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from exchange.connector.records import settled
from exchange.connector.records import unproven as proofs
from exchange.connector.records.commits import LOCKED_S_MAX, Commits
from exchange.connector.records.owner import Owner, is_alive
from exchange.errors import ConfigError, TicketRefused, Unavailable
from exchange.model.clock import Clock
from exchange.model.receipt import Receipt
from exchange.model.ticket import CLOCK_LEEWAY_S, STREAM_LIFETIME_S_MAX, Ticket
from exchange.security import files

FILE = "journal.db"
OUTBOX_MAX = 200_000
"""Refusals stop being accepted here, so that nobody fills the disk with them while the broker is away."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS used(id TEXT PRIMARY KEY, keep_until_s INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS used_by_age ON used(keep_until_s);
CREATE TABLE IF NOT EXISTS running(id TEXT PRIMARY KEY, owner TEXT NOT NULL, started_us INTEGER NOT NULL)
  WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox(seq INTEGER PRIMARY KEY AUTOINCREMENT, receipt TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS dead(seq INTEGER PRIMARY KEY, receipt TEXT NOT NULL, reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS keys(id TEXT PRIMARY KEY, public_key BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS revision(number INTEGER NOT NULL);
"""


class Journal:
    """The journal in a state folder; used from many threads.

    Raises:
        ConfigError: the folder or the file cannot be made, or the file is no journal.
    """

    def __init__(self, state: Path, clock: Clock, *, locked_s_max: float = LOCKED_S_MAX) -> None:
        files.make_folder(state)
        path = state / FILE
        self._state = state
        self._clock = clock
        _prepare(path, locked_s_max)
        self._owner = Owner(state)
        self._commits = Commits(path, locked_s_max=locked_s_max)

    def admit(self, ticket: Ticket, start: Receipt) -> None:
        """(6) Use the ticket up: durable when this returns, and only then may a byte leave.

        Raises:
            TicketRefused: `ticket-used`, by whomever and however long ago; `ticket-expired`, because the
                broker was told meanwhile that it would not be used any more.
            Unavailable: it cannot be recorded.
        """
        # Kept until no clock within its leeway could take the ticket, or its stream, for current.
        keep_until_s = ticket.expires_at + CLOCK_LEEWAY_S + STREAM_LIFETIME_S_MAX
        now_us = self._clock.now_us()

        def work(db: sqlite3.Connection) -> None:
            settled.check_open(db, ticket)
            db.execute("DELETE FROM used WHERE keep_until_s < ?", (now_us // 1_000_000,))
            try:
                db.execute("INSERT INTO used VALUES (?, ?)", (ticket.id, keep_until_s))
            except sqlite3.IntegrityError:
                raise TicketRefused(
                    "the ticket was used already",
                    reason="ticket-used",
                    hint="ask for a new one",
                    id=ticket.id,
                ) from None
            db.execute("INSERT INTO running VALUES (?, ?, ?)", (ticket.id, self._owner.name, now_us))
            settled.used(db, ticket, _put(db, start))

        self._commits.run(work)

    def finish(self, ticket_id: str, end: Receipt) -> bool:
        """(9) Record the END of a running stream; False if it has one already.

        Raises:
            Unavailable: it cannot be recorded; the stream still counts as running.
        """

        def work(db: sqlite3.Connection) -> bool:
            if db.execute("DELETE FROM running WHERE id = ?", (ticket_id,)).rowcount != 1:
                return False
            _put(db, end)
            return True

        return self._commits.run(work)

    def refuse(self, refusal: Receipt) -> None:
        """Record a refusal.

        Raises:
            Unavailable: it cannot be recorded, or too many wait for the broker already.
        """

        def work(db: sqlite3.Connection) -> None:
            first, last = db.execute(
                "SELECT (SELECT min(seq) FROM outbox), (SELECT max(seq) FROM outbox)"
            ).fetchone()
            if first is not None and last - first >= OUTBOX_MAX:
                raise Unavailable("too many reports wait for the broker", reason="journal-unavailable")
            _put(db, refusal)

        self._commits.run(work)

    def abandoned(self) -> tuple[tuple[str, int], ...]:
        """Streams without an END whose process is gone: ticket id and start in unix microseconds."""
        rows = self._commits.run(
            lambda db: db.execute("SELECT id, owner, started_us FROM running").fetchall()
        )
        alive = {owner: is_alive(self._state, owner) for owner in {row[1] for row in rows}}
        return tuple((row[0], row[2]) for row in rows if not alive[row[1]])

    def pending(self, count_max: int) -> tuple[tuple[int, Receipt], ...]:
        """The oldest statements the broker has not acknowledged, with their numbers."""
        rows = self._commits.run(
            lambda db: db.execute("SELECT * FROM outbox ORDER BY seq LIMIT ?", (count_max,)).fetchall()
        )
        return tuple((seq, Receipt.model_validate_json(text)) for seq, text in rows)

    def settle(
        self,
        acknowledged: Sequence[int],
        refused: Sequence[tuple[int, str]],
        to_prove: Sequence[tuple[int, str]] = (),
    ) -> None:
        """(10) Forget what the broker recorded, and set aside what it refused, with its reason.

        Args:
            acknowledged: numbers of statements.
            refused: numbers, each with the broker's reason.
            to_prove: of those acknowledged, the index of the record and the statement's SHA-256 (hex).
        """
        now_us = self._clock.now_us()

        def work(db: sqlite3.Connection) -> None:
            proofs.add(db, to_prove, now_us)
            db.executemany(
                "INSERT OR IGNORE INTO dead SELECT seq, receipt, ? FROM outbox WHERE seq = ?",
                [(reason, seq) for seq, reason in refused],
            )
            numbers = [*acknowledged, *(seq for seq, _ in refused)]
            db.executemany("DELETE FROM outbox WHERE seq = ?", [(seq,) for seq in numbers])
            for seq in acknowledged:
                settled.reported(db, seq)
            for seq, reason in refused:
                settled.reported(db, seq, reason)

        self._commits.run(work)

    def unproven(self, size: int, count_max: int) -> tuple[proofs.Unproven, ...]:
        """Statements that a log of that size must hold, and that are not proven yet; the oldest first."""
        return self._commits.run(lambda db: proofs.waiting(db, size, count_max))

    def settle_proofs(self, proven: Sequence[int], missing: Sequence[tuple[int, str]]) -> None:
        """Let go of proven statements; set aside, for good, those that the log does not hold."""
        self._commits.run(lambda db: proofs.settle(db, proven, missing))

    def proof_state(self) -> tuple[int, int | None]:
        """How many statements the log does not hold, and since when the oldest unproven one waits."""
        return self._commits.run(lambda db: (proofs.lost(db), proofs.oldest_us(db)))

    def settlement(self, broker_us: int) -> settled.Settlement:
        """Which tickets the broker may take for unused where it has no START; see `settled.settle`.

        Raises:
            Unavailable: it cannot be written down, so nothing may be said.
        """
        now_us = self._clock.now_us()
        return self._commits.run(lambda db: settled.settle(db, now_us, broker_us))

    def keys(self) -> dict[str, bytes]:
        """The ticket keys the broker named last."""
        return dict(self._commits.run(lambda db: db.execute("SELECT id, public_key FROM keys").fetchall()))

    def keep_keys(self, keys: dict[str, bytes]) -> None:
        """Replace the ticket keys; one that is not among them is refused from now on, after a restart too."""

        def work(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM keys")
            db.executemany("INSERT INTO keys VALUES (?, ?)", list(keys.items()))

        self._commits.run(work)

    def revision(self) -> int:
        """The policy revision heard of last; 0 if there was none."""
        row = self._commits.run(lambda db: db.execute("SELECT number FROM revision").fetchone())
        return int(row[0]) if row else 0

    def keep_revision(self, number: int) -> None:
        """Replace it.

        Raises:
            Unavailable: it cannot be written down.
        """

        def work(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM revision")
            db.execute("INSERT INTO revision VALUES (?)", (number,))

        self._commits.run(work)

    def close(self) -> None:
        """Close the file; idempotent."""
        self._commits.close()
        self._owner.release()


def _put(db: sqlite3.Connection, receipt: Receipt) -> int:
    return db.execute("INSERT INTO outbox(receipt) VALUES (?)", (receipt.model_dump_json(),)).lastrowid or 0


def _prepare(path: Path, locked_s_max: float) -> None:
    try:
        # SQLite gives its side files the mode of the main one.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, files.PRIVATE_MODE))
        if path.stat().st_mode & 0o077:
            raise ConfigError(f"{path} can be read by others", hint=f"chmod 600 {path}")
        db = sqlite3.connect(path, timeout=locked_s_max, isolation_level=None)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.executescript(_SCHEMA + settled.SCHEMA + proofs.SCHEMA)
        finally:
            db.close()
    except (OSError, sqlite3.Error) as error:
        raise ConfigError(
            f"the journal {path} cannot be opened: {str(error).lower()}",
            hint="check the disk and the folder's owner; never delete it: it knows which tickets were used",
        ) from None
