"""DuckDB for the index: in memory, bounded, and locked into the index's folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

MEMORY_BUILD = "384MB"
MEMORY_READ = "1GB"


@contextmanager
def engine(index: Path, *, memory: str, threads: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that reads and writes files of the folder and nothing else, and loads no extension."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": str(threads),
        "memory_limit": memory,
        "allow_community_extensions": "false",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "python_enable_replacements": "false",
    }
    connection = duckdb.connect(":memory:", config=config)
    try:
        for setting in (
            "TimeZone='UTC'",
            "temp_directory=''",
            # Twice: as the files' names are, and as patterns are written in which nothing is a wildcard.
            f"allowed_directories=[{literal(str(index.resolve()))}, {literal(pattern_of(index))}]",
            # Both look at each row where otherwise each different value of a row group is looked at once:
            # measured, a search takes four times as long with them.
            "disabled_optimizers='late_materialization,top_n'",
            "enable_external_access=false",
            "lock_configuration=true",
        ):
            connection.execute(f"SET {setting}")
        yield connection
    finally:
        connection.close()


def threads_for_reading() -> int:
    """As many as the machine has for us, at most four."""
    return min(4, len(os.sched_getaffinity(0)))


def literal(text: str) -> str:
    """Text as an SQL literal, for the few places that take no parameter."""
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def pattern_of(path: Path) -> str:
    """A path that DuckDB takes as it is and does not expand as a pattern."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in str(path.resolve()))
