"""The `duckdb` source: tables and views of one DuckDB database file, opened read-only."""

from connectors.duckdb.source import DuckdbSource

__all__ = ["DuckdbSource"]
