"""SQLite: declared types are kept, whatever SQLite would store."""

from __future__ import annotations

import datetime as dt
import sqlite3
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from connectors.sqlite import SqliteSource
from exchange.errors import ConfigError, SourceFailed


def opened(folder: Path, *statements: str, **options: Any) -> SqliteSource:
    connection = sqlite3.connect(folder / "x.db")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    return SqliteSource({"path": "x.db", **options}, folder)


def rows(source: SqliteSource, table: str) -> list[dict[str, Any]]:
    with source.scan(table, source.schema(table).names, None, 100) as batches:
        return [row for batch in batches for row in batch.to_pylist()]


def test_declared_types(tmp_path: Path) -> None:
    columns = "i BIGINT, r DOUBLE, s VARCHAR(9), b BLOB, f BOOLEAN, d DATE, m TIMESTAMP, z TIMESTAMPTZ"
    times = "'1969-12-31', '2013-01-01 10:00:00', '2013-01-01T18:00:00+08:00'"
    source = opened(
        tmp_path,
        f"CREATE TABLE t ({columns})",
        f"INSERT INTO t VALUES (1, 2, '中', x'00ff', 1, {times})",
        "INSERT INTO t DEFAULT VALUES",
    )
    numbers, texts = [pa.int64(), pa.float64()], [pa.string(), pa.binary()]
    moments = [pa.timestamp("us"), pa.timestamp("us", "UTC")]
    assert source.schema("t").types == [*numbers, *texts, pa.bool_(), pa.date32(), *moments]
    moment = dt.datetime.fromisoformat("2013-01-01T10:00:00")
    first = [1, 2.0, "中", b"\0\xff", True, dt.date(1969, 12, 31), moment, moment.replace(tzinfo=dt.UTC)]
    assert [list(row.values()) for row in rows(source, "t")] == [first, [None] * 8]


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        ("INTEGER", "1.5"),
        ("INTEGER", "'text'"),
        ("REAL", "'text'"),
        ("TEXT", "x'ff'"),
        ("BLOB", "'text'"),
        ("BOOLEAN", "2"),
        ("DATE", "'20130101'"),
        ("DATE", "'2013-02-30'"),
        ("TIMESTAMP", "'2013-01-01T00:00:00Z'"),
        ("TIMESTAMP", "'yesterday'"),
        ("NUMERIC", "9007199254740993"),
        ("TEXT", "CAST(x'ff' AS TEXT)"),
    ],
)
def test_a_value_its_column_does_not_declare_is_a_failure(tmp_path: Path, declared: str, value: str) -> None:
    source = opened(tmp_path, f"CREATE TABLE t (x {declared})", f"INSERT INTO t VALUES ({value})")
    with pytest.raises(SourceFailed):
        rows(source, "t")


def test_a_view_needs_types_only_where_it_declares_none(tmp_path: Path) -> None:
    made = (
        "CREATE TABLE t (i INTEGER)",
        "INSERT INTO t VALUES (20)",
        "CREATE VIEW v AS SELECT i, i * 2 AS twice FROM t",
    )
    with pytest.raises(ConfigError, match="twice"):
        opened(tmp_path, *made).schema("v")
    source = opened(tmp_path, tables={"v": {"types": {"twice": "integer"}}})
    assert rows(source, "v") == [{"i": 20, "twice": 40}]


def test_the_file_is_opened_read_only(tmp_path: Path) -> None:
    source = opened(tmp_path, "CREATE TABLE t (i INTEGER)")
    with source._connect() as connection, pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("INSERT INTO t VALUES (1)")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "y.db").write_text("no database at all " * 100)
    with pytest.raises(ConfigError):
        SqliteSource({"path": "y.db"}, tmp_path)


def test_a_locked_database_says_so(tmp_path: Path) -> None:
    source = opened(tmp_path, "CREATE TABLE t (i INTEGER)", busy_timeout_ms=0)
    writer = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")
    with pytest.raises(SourceFailed, match="locked"):
        source.schema("t")
    writer.close()
