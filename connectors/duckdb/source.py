"""One DuckDB database file as a source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pyarrow as pa

from connectors.duckdb.engine import Engine, Relation
from connectors.duckdb.pushdown import quote
from connectors.options import EngineLimits, existing, read
from exchange.errors import ConfigError, SourceFailed
from exchange.model.predicate import Predicate

_TABLES = """
    SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = current_database() AND NOT
    internal UNION ALL SELECT schema_name, view_name FROM duckdb_views() WHERE database_name =
    current_database() AND NOT internal
"""
_COLLATED = """
    SELECT count(*) FROM (SELECT sql FROM duckdb_tables() UNION ALL SELECT sql FROM duckdb_views() WHERE NOT
    internal) WHERE contains(lower(sql), 'collat')
"""


class DuckdbOptions(EngineLimits):
    """The `[source]` table.

    Attributes:
        path: the database file, relative to the configuration file.
        schema_name: where the tables lie.
    """

    path: str
    schema_name: str = "main"


class DuckdbSource:
    """Tables and views of one database file, found by their exact names.

    Args:
        options: see DuckdbOptions.
        base: folder of the configuration file.

    Raises:
        ConfigError: an option is wrong, or the file cannot be opened read-only.
    """

    def __init__(self, options: Mapping[str, Any], base: Path) -> None:
        self._options = read(DuckdbOptions, options, "duckdb")
        self._path = existing(base, self._options.path, "database file")
        self._engine = Engine(str(self._path), [], self._options, base)

    def schema(self, table: str) -> pa.Schema:
        """As `Source.schema`."""
        relation = self._relation(table)
        if relation is None:
            raise ConfigError(
                f"no table or view {table!r} in schema {self._options.schema_name!r} of {self._path}"
            )
        return self._engine.schema(relation)

    def scan(
        self, table: str, columns: Sequence[str], hint: Predicate | None, batch_rows_max: int
    ) -> AbstractContextManager[Iterator[pa.RecordBatch]]:
        """As `Source.scan`."""
        relation = self._relation(table)
        if relation is None:
            raise SourceFailed("a table of the dataset is missing", detail=f"{table!r} in {self._path}")
        return self._engine.scan(relation, columns, hint, batch_rows_max)

    def _relation(self, table: str) -> Relation | None:
        # DuckDB finds names without regard to case; what is served is what the configuration spells.
        schema = self._options.schema_name
        if (schema, table) not in self._engine.rows(_TABLES):
            return None
        collated = self._engine.rows(_COLLATED)[0][0] > 0
        return Relation(f"{quote(schema)}.{quote(table)}", text_pushed=not collated)

    def close(self) -> None:
        """As `Source.close`."""
        self._engine.close()
