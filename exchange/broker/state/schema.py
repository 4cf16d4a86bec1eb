"""The tables of the broker's state, by version; an older database is brought up to date when it is opened."""

from __future__ import annotations

import sqlite3

from exchange.errors import ConfigError

_VERSION_1 = """
-- Tickets issued: whose, for what, how many rows each may deliver, and how many it counts for in windows.
-- `stage` is issued.Stage; `reader` is whom windows count, the subject's department (windows.reader_of).
CREATE TABLE ticket (
  id TEXT PRIMARY KEY,
  subject TEXT NOT NULL,
  department TEXT NOT NULL,
  dataset TEXT NOT NULL,
  issued_us INTEGER NOT NULL,
  expires_us INTEGER NOT NULL,
  trace TEXT NOT NULL,
  reserved INTEGER NOT NULL,
  rows INTEGER NOT NULL,
  stage INTEGER NOT NULL,
  reader TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX ticket_window ON ticket (reader, dataset, issued_us, rows) WHERE rows > 0;
CREATE INDEX ticket_unused ON ticket (department, expires_us) WHERE stage = 0 AND reserved > 0;
CREATE INDEX ticket_age ON ticket (issued_us);

-- Statements recorded: one of each kind from each speaker for each ticket. An index over the audit log.
CREATE TABLE statement (
  key TEXT PRIMARY KEY,
  digest TEXT NOT NULL,
  audit_index INTEGER NOT NULL,
  noted_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX statement_age ON statement (noted_us);

-- Certificates the audit log holds already.
CREATE TABLE certificate (fingerprint TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

-- Connectors and what they serve.
CREATE TABLE connector (department TEXT PRIMARY KEY, location TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE dataset (
  id TEXT PRIMARY KEY,
  position INTEGER NOT NULL,
  department TEXT NOT NULL REFERENCES connector (department),
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Policy revisions. One without audit_index was never acknowledged and never took effect.
CREATE TABLE revision (
  number INTEGER PRIMARY KEY,
  digest TEXT NOT NULL,
  audit_index INTEGER
) STRICT;
-- Their files: each content once, however many revisions hold it, under its SHA-256 (hex).
CREATE TABLE content (digest TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
CREATE TABLE revision_file (
  number INTEGER NOT NULL REFERENCES revision (number) ON DELETE CASCADE,
  path TEXT NOT NULL,
  digest TEXT NOT NULL REFERENCES content (digest),
  PRIMARY KEY (number, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX revision_file_content ON revision_file (digest);

-- Single numbers, by name.
CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""

MIGRATIONS = (_VERSION_1,)
"""The script that leads from version n to n + 1; once released, a script is never edited."""


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the database to the version of this program.

    Raises:
        ConfigError: the database was written by a newer program.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise ConfigError(
            f"the broker's database has version {version}, this program knows {len(MIGRATIONS)}",
            hint="start the newer program, or restore the database of this one",
        )
    for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
        connection.executescript(f"BEGIN EXCLUSIVE;{script}PRAGMA user_version={number};COMMIT;")
