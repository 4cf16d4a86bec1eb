"""One SQLite database file as a source."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote as url_quote

import pyarrow as pa
from pydantic import Field

from connectors.options import Options, existing, read
from connectors.sqlite.pushdown import condition, quote
from connectors.sqlite.values import KINDS, Kind, column, kind_of
from exchange.errors import ConfigError, SourceFailed
from exchange.model.predicate import Predicate

KindName = Literal["integer", "real", "text", "blob", "boolean", "date", "timestamp", "timestamptz"]
_HIDDEN = 1


class TableOptions(Options):
    """One table: `types` says the kind of columns whose declaration does not, as in views."""

    types: dict[str, KindName] = Field(default_factory=dict)


class SqliteOptions(Options):
    """The `[source]` table.

    Attributes:
        path: the database file, relative to the configuration file.
        busy_timeout_ms: how long a scan waits for a writer.
        tables: options of tables by name; a table needs none.
    """

    path: str
    busy_timeout_ms: int = Field(default=2000, ge=0, le=60_000)
    tables: dict[str, TableOptions] = Field(default_factory=dict)


class SqliteSource:
    """Tables and views of one database file, found by their exact names; each scan has its own connection.

    Args:
        options: see SqliteOptions.
        base: folder of the configuration file.

    Raises:
        ConfigError: an option is wrong, or the file is not a database.
    """

    def __init__(self, options: Mapping[str, Any], base: Path) -> None:
        self._options = read(SqliteOptions, options, "sqlite")
        self._path = existing(base, self._options.path, "database file")
        try:
            with self._connect() as connection, _translated():
                connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
        except SourceFailed as error:
            raise ConfigError(f"{self._path} cannot be read as an sqlite database: {error.detail}") from None

    def schema(self, table: str) -> pa.Schema:
        """As `Source.schema`."""
        with self._connect() as connection:
            kinds = self._kinds(connection, table)
        if not kinds:
            raise ConfigError(f"no table or view {table!r} in {self._path}")
        return pa.schema([pa.field(name, kind.arrow) for name, kind in kinds.items()])

    @contextmanager
    def scan(
        self, table: str, columns: Sequence[str], hint: Predicate | None, batch_rows_max: int
    ) -> Iterator[Iterator[pa.RecordBatch]]:
        """As `Source.scan`."""
        with self._connect() as connection:
            try:
                kinds = self._kinds(connection, table)
            except ConfigError as error:
                raise SourceFailed("a column of the dataset has no type", detail=error.public) from None
            if not kinds or not set(columns) <= kinds.keys():
                raise SourceFailed(
                    "a table or column of the dataset is missing", detail=f"{table!r}: {columns}"
                )
            sql, parameters = statement(table, columns, hint, kinds)
            with _translated():
                cursor = connection.execute(sql, parameters)
            yield _batches(cursor, {name: kinds[name] for name in columns}, batch_rows_max)

    def _kinds(self, connection: sqlite3.Connection, table: str) -> dict[str, Kind]:
        """The kind of every column; empty if there is no such table.

        Raises:
            ConfigError: a column declares no type and the options give none.
        """
        given = self._options.tables.get(table, TableOptions()).types
        with _translated():
            exists = connection.execute(
                "SELECT 1 FROM sqlite_master WHERE type IN ('table', 'view') AND name = ?", (table,)
            ).fetchone()
            rows = connection.execute(
                "SELECT name, type, hidden FROM pragma_table_xinfo(?)", (table,)
            ).fetchall()
        found: dict[str, Kind] = {}
        for name, declared, hidden in rows if exists else ():
            kind = KINDS[given[name]] if name in given else kind_of(declared)
            if hidden == _HIDDEN:
                continue
            if kind is None:
                raise ConfigError(
                    f"column {name!r} of {table!r} declares no type that is known ({declared!r})",
                    hint=f"give it one of {', '.join(KINDS)} in [source.tables.<table>.types]",
                )
            found[name] = kind
        return found

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        # Not `immutable`: the department may write while we read.
        uri = f"file:{url_quote(str(self._path))}?mode=ro"
        with _translated():
            connection = sqlite3.connect(
                uri, uri=True, timeout=self._options.busy_timeout_ms / 1000, check_same_thread=False
            )
        with closing(connection):
            yield connection

    def close(self) -> None:
        """As `Source.close`; nothing is held between scans."""


def statement(
    table: str, columns: Sequence[str], hint: Predicate | None, kinds: Mapping[str, Kind]
) -> tuple[str, list[Any]]:
    """The one SELECT of a scan: projection and as much of the hint as means the same in SQLite."""
    where, parameters = condition(hint, kinds)
    names = ", ".join(quote(name) for name in columns)
    sql = f"SELECT {names} FROM {quote(table)}" + (f" WHERE {where}" if where else "")  # noqa: S608  # quoted
    return sql, parameters


def _batches(cursor: sqlite3.Cursor, kinds: Mapping[str, Kind], rows_max: int) -> Iterator[pa.RecordBatch]:
    while True:
        with _translated():
            rows = cursor.fetchmany(rows_max)
        if not rows:
            return
        arrays = [
            column(values, kind) for values, kind in zip(zip(*rows, strict=True), kinds.values(), strict=True)
        ]
        yield pa.RecordBatch.from_arrays(arrays, names=list(kinds))


@contextmanager
def _translated() -> Iterator[None]:
    """Raise SQLite's failures as the exchange's; its own text may name tables and paths."""
    try:
        yield
    except sqlite3.Error as error:
        busy = getattr(error, "sqlite_errorcode", 0) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
        public = "the store is locked by another process" if busy else "the store failed while it was read"
        raise SourceFailed(public, detail=str(error)) from None
