"""Policy revisions, whole and durable; the newest acknowledged one stands after a restart.

The initial policy folder is revision 1 of a new broker and is not read again afterwards: what stewards
published is newer than what lies in the folder.

Contents lie under their SHA-256: a publication adds the files that changed, and one that was altered on the
disk is never taken for policy.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from exchange.broker.state.store import Store
from exchange.errors import ConfigError


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
        """The newest revision that was audited, or None at the very first start.

        Raises:
            ConfigError: a file of it is not what was stored.
        """
        query = "SELECT max(number) FROM revision WHERE audit_index IS NOT NULL"
        (number,) = self._store.read(lambda connection: connection.execute(query).fetchone())
        return None if number is None else self.get(number)

    def get(self, number: int, wanted: Callable[[str], bool] = lambda _: True) -> Revision | None:
        """The revision of that number, if it ever took effect, with those of its files that are wanted.

        Raises:
            ConfigError: a file of it is not what was stored.
        """
        query = "SELECT digest FROM revision WHERE number = ? AND audit_index IS NOT NULL"
        if not 0 < number < 2**63:
            return None
        row = self._store.read(lambda connection: connection.execute(query, (number,)).fetchone())
        if row is None:
            return None
        return Revision(
            number,
            row[0],
            {path: self._content(digest) for path, digest in self._paths(number) if wanted(path)},
        )

    def _paths(self, number: int) -> list[tuple[str, str]]:
        query = "SELECT path, digest FROM revision_file WHERE number = ? ORDER BY path"
        return self._store.read(lambda connection: connection.execute(query, (number,)).fetchall())

    def _content(self, digest: str) -> bytes:
        query = "SELECT bytes FROM content WHERE digest = ?"
        (content,) = self._store.read(lambda connection: connection.execute(query, (digest,)).fetchone())
        if hashlib.sha256(content).hexdigest() != digest:
            raise ConfigError(
                f"the broker's database holds an altered policy file ({digest[:16]})",
                hint="restore broker.sqlite from a backup; what was published since is in the audit log",
            )
        return bytes(content)

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
        digests = {path: hashlib.sha256(content).hexdigest() for path, content in revision.tree.items()}

        def work(connection: sqlite3.Connection) -> None:
            _forget(connection, revision.number)
            connection.execute(
                "INSERT INTO revision (number, digest) VALUES (?, ?)", (revision.number, revision.digest)
            )
            connection.executemany(
                "INSERT OR IGNORE INTO content (digest, bytes) VALUES (?, ?)",
                ((digest, revision.tree[path]) for path, digest in digests.items()),
            )
            connection.executemany(
                "INSERT INTO revision_file (number, path, digest) VALUES (?, ?, ?)",
                ((revision.number, path, digest) for path, digest in digests.items()),
            )

        self._store.write(work)

    def acknowledge(self, number: int, audit_index: int) -> None:
        """Note that the revision's publication is in the log, so that it stands from now on."""
        self._store.write(lambda connection: acknowledge(connection, number, audit_index))


def acknowledge(connection: sqlite3.Connection, number: int, audit_index: int) -> None:
    """Note it in a transaction of the caller's; a second time changes nothing."""
    connection.execute(
        "UPDATE revision SET audit_index = ? WHERE number = ? AND audit_index IS NULL", (audit_index, number)
    )


def _forget(connection: sqlite3.Connection, number: int) -> None:
    """Remove a revision that never took effect, and what only it held."""
    mine = "SELECT digest FROM revision_file WHERE number = ?"
    digests = connection.execute(mine, (number,)).fetchall()
    gone = connection.execute("DELETE FROM revision WHERE number = ? AND audit_index IS NULL", (number,))
    if gone.rowcount:
        connection.executemany(
            "DELETE FROM content WHERE digest = ?"
            " AND NOT EXISTS (SELECT 1 FROM revision_file WHERE revision_file.digest = content.digest)",
            digests,
        )
