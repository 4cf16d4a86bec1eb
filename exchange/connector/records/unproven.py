"""Statements that the broker says it recorded, until it has proven that they are in the log.

Bounded: where more wait than fit, the oldest are let go, and counted.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

UNPROVEN_MAX = 10_000
SCHEMA = """
CREATE TABLE IF NOT EXISTS unproven(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, digest TEXT NOT NULL, since_us INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS missing(
  seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, digest TEXT NOT NULL, why TEXT NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class Unproven:
    """One statement.

    Attributes:
        seq: names it here.
        index: of its record, as the broker said.
        digest: SHA-256 (hex) of the statement.
        since_us: when the broker said so.
    """

    seq: int
    index: int
    digest: str
    since_us: int


def add(db: sqlite3.Connection, told: Sequence[tuple[int, str]], now_us: int) -> None:
    """Take in statements: index of the record, digest of the statement."""
    db.executemany(
        "INSERT INTO unproven(at, digest, since_us) VALUES (?, ?, ?)",
        [(index, digest, now_us) for index, digest in told],
    )
    db.execute("DELETE FROM unproven WHERE seq <= (SELECT max(seq) FROM unproven) - ?", (UNPROVEN_MAX,))


def waiting(db: sqlite3.Connection, size: int, count_max: int) -> tuple[Unproven, ...]:
    """Those that a tree of that size must hold, the oldest first."""
    rows = db.execute("SELECT * FROM unproven WHERE at < ? ORDER BY seq LIMIT ?", (size, count_max))
    return tuple(Unproven(*row) for row in rows)


def oldest_us(db: sqlite3.Connection) -> int | None:
    """Since when the oldest one has been waiting."""
    found = db.execute("SELECT min(since_us) FROM unproven").fetchone()[0]
    return None if found is None else int(found)


def settle(db: sqlite3.Connection, proven: Sequence[int], missing: Sequence[tuple[int, str]]) -> None:
    """Let go of those that are proven; set aside those that the log does not hold, with the reason."""
    db.executemany(
        "INSERT OR IGNORE INTO missing SELECT seq, at, digest, ? FROM unproven WHERE seq = ?",
        [(why, seq) for seq, why in missing],
    )
    db.executemany(
        "DELETE FROM unproven WHERE seq = ?", [(seq,) for seq in [*proven, *(seq for seq, _ in missing)]]
    )


def lost(db: sqlite3.Connection) -> int:
    """How many the log does not hold."""
    return int(db.execute("SELECT count(*) FROM missing").fetchone()[0])
