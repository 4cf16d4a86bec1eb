"""The `sqlite` source: tables and views of one SQLite database file, opened read-only."""

from connectors.sqlite.source import SqliteSource

__all__ = ["SqliteSource"]
