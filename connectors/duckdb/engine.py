"""A DuckDB that can read what it was given and do nothing else.

No extension is installed or loaded, no file outside the allowed folders is opened, Python variables are not
tables, and the configuration is locked before the first statement. Results stream: `sql(...).to_arrow_reader`
runs as it is read, whereas `execute(...).to_arrow_reader` would hold the whole result first.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from connectors.batches import cut, standard, standard_schema
from connectors.duckdb.failure import ENGINE_ERRORS, translated
from connectors.duckdb.pushdown import condition, quote
from connectors.options import EngineLimits
from exchange.errors import ConfigError
from exchange.model.predicate import Predicate

_READER_ROWS = 2048


@dataclass(frozen=True)
class Relation:
    """What stands after FROM, with its parameters.

    Attributes:
        sql: a quoted table name or a table function.
        parameters: for its `?`.
        text_pushed: whether text compares bytewise here, so that predicates on it may be pushed down.
    """

    sql: str
    parameters: tuple[Any, ...] = ()
    text_pushed: bool = True


class Engine:
    """One DuckDB instance; every scan has its own connection to it, so scans run side by side.

    Args:
        database: a database file, opened read-only, or ":memory:".
        folders: the only folders from which files may be read.
        limits: threads, memory, spilling.
        base: what a relative `temp_dir` starts from.

    Raises:
        ConfigError: the database cannot be opened.
    """

    def __init__(self, database: str, folders: Sequence[Path], limits: EngineLimits, base: Path) -> None:
        self._lock = threading.Lock()
        config: dict[str, Any] = {
            "threads": limits.threads,
            "memory_limit": limits.memory_limit,
            "allow_community_extensions": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "python_enable_replacements": "false",
        }
        try:
            self._connection = duckdb.connect(database, read_only=database != ":memory:", config=config)
            self._lock_down(folders, str(base / limits.temp_dir) if limits.temp_dir else "")
        except ENGINE_ERRORS as error:
            raise ConfigError(f"{database} cannot be opened read-only: {error}") from None

    def _lock_down(self, folders: Sequence[Path], temp_dir: str) -> None:
        allowed = ", ".join(literal(str(folder)) for folder in folders)
        for setting in (
            "TimeZone='UTC'",
            f"temp_directory={literal(temp_dir)}",
            f"allowed_directories=[{allowed}]",
            "enable_external_access=false",
            "lock_configuration=true",
        ):
            self._connection.execute(f"SET {setting}")

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a small question about the store itself.

        Raises:
            SourceFailed: it cannot be answered.
        """
        with translated(), self._session() as session:
            found: list[tuple[Any, ...]] = session.execute(sql, list(parameters)).fetchall()
            return found

    def schema(self, relation: Relation) -> pa.Schema:
        """The relation's standard schema.

        Raises:
            SourceFailed: it cannot be read.
        """
        sql = f"SELECT * FROM {relation.sql} LIMIT 0"  # noqa: S608  # names are quoted, values are parameters
        with translated(), self._session() as session:
            reader = session.sql(sql, params=list(relation.parameters)).to_arrow_reader(_READER_ROWS)
            return standard_schema(reader.schema)

    @contextmanager
    def scan(
        self,
        relation: Relation,
        columns: Sequence[str],
        hint: Predicate | None,
        batch_rows_max: int,
        schema: pa.Schema | None = None,
    ) -> Iterator[Iterator[pa.RecordBatch]]:
        """Rows as `Source.scan` promises them; `schema` is the relation's, where it is known already."""
        schema = self.schema(relation) if schema is None else schema
        sql, parameters = self.statement(relation, schema, columns, hint)
        with self._session() as session:
            # Only what happens in here is the store's failure; what the caller raises passes as it is.
            with translated():
                reader = session.sql(sql, params=parameters).to_arrow_reader(batch_rows_max)
            try:
                yield _batches(reader, standard_schema(reader.schema), batch_rows_max)
            finally:
                reader.close()

    @staticmethod
    def statement(
        relation: Relation, schema: pa.Schema, columns: Sequence[str], hint: Predicate | None
    ) -> tuple[str, list[Any]]:
        """The one SELECT of a scan: projection and as much of the hint as means the same in DuckDB."""
        where, parameters = condition(hint, schema, text_pushed=relation.text_pushed)
        names = ", ".join(quote(name) for name in columns)
        sql = f"SELECT {names} FROM {relation.sql}" + (f" WHERE {where}" if where else "")  # noqa: S608  # quoted
        return sql, [*relation.parameters, *parameters]

    @contextmanager
    def _session(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with translated(), self._lock:
            session = self._connection.cursor()
        try:
            yield session
        finally:
            session.close()

    def close(self) -> None:
        """Release everything; idempotent."""
        with self._lock:
            self._connection.close()


def _batches(reader: pa.RecordBatchReader, schema: pa.Schema, rows_max: int) -> Iterator[pa.RecordBatch]:
    while True:
        with translated():
            batch = next(reader, None)
        if batch is None:
            return
        yield from cut(standard(batch, schema), rows_max)


def literal(text: str) -> str:
    """Text as an SQL literal, for the places that take no parameters."""
    doubled = text.replace("'", "''")
    return f"'{doubled}'"
