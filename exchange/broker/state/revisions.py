"""Policy revisions, whole and durable; the newest acknowledged one stands after a restart.

The initial policy folder is revision 1 of a new broker and is not read again afterwards: what stewards
published is newer than what lies in the folder.
"""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from exchange.broker.state.store import Store


@dataclass(frozen=True)
class Revision:
    """One state of all policy files: its number from 1 on, its digest, and the files by path."""

    number: int
    digest: str
    tree: Mapping[str, bytes]


@dataclass(frozen=True)
class Note:
    """A revision that took effect, without its files, and where the log tells of it."""

    number: int
    digest: str
    audit_index: int


class Revisions:
    """The durable list of revisions."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def latest(self) -> Revision | None:
        """The newest revision that was audited, or None at the very first start."""
        query = (
            "SELECT number, digest, tree FROM revision"
            " WHERE audit_index IS NOT NULL ORDER BY number DESC LIMIT 1"
        )
        row = self._store.read(lambda connection: connection.execute(query).fetchone())
        return Revision(row[0], row[1], _decode(row[2])) if row else None

    def get(self, number: int) -> Revision | None:
        """The revision of that number, if it ever took effect."""
        query = "SELECT number, digest, tree FROM revision WHERE number = ? AND audit_index IS NOT NULL"
        if not 0 < number < 2**63:
            return None
        row = self._store.read(lambda connection: connection.execute(query, (number,)).fetchone())
        return Revision(row[0], row[1], _decode(row[2])) if row else None

    def notes(self, before: int, count: int) -> tuple[Note, ...]:
        """The newest revisions before a number, newest first."""
        query = (
            "SELECT number, digest, audit_index FROM revision"
            " WHERE audit_index IS NOT NULL AND number < ? ORDER BY number DESC LIMIT ?"
        )
        bound = min(before, 2**63 - 1)
        rows = self._store.read(lambda connection: connection.execute(query, (bound, count)).fetchall())
        return tuple(Note(*row) for row in rows)

    def prepare(self, revision: Revision) -> None:
        """Persist a revision that is not in force yet, in place of one that never came to be."""
        row = (revision.number, revision.digest, _encode(revision.tree))

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "DELETE FROM revision WHERE number = ? AND audit_index IS NULL", (revision.number,)
            )
            connection.execute("INSERT INTO revision (number, digest, tree) VALUES (?, ?, ?)", row)

        self._store.write(work)

    def acknowledge(self, number: int, audit_index: int) -> None:
        """Note that the revision's publication is in the log, so that it stands from now on."""
        self._store.write(lambda connection: acknowledge(connection, number, audit_index))


def acknowledge(connection: sqlite3.Connection, number: int, audit_index: int) -> None:
    """Note it in a transaction of the caller's; a second time changes nothing."""
    connection.execute(
        "UPDATE revision SET audit_index = ? WHERE number = ? AND audit_index IS NULL", (audit_index, number)
    )


def _encode(tree: Mapping[str, bytes]) -> str:
    return json.dumps({path: base64.b64encode(content).decode() for path, content in sorted(tree.items())})


def _decode(text: str) -> dict[str, bytes]:
    return {path: base64.b64decode(content) for path, content in json.loads(text).items()}
