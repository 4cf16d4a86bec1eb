"""The engine reads what it was given, lazily, and can do nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet
import pytest

from connectors.duckdb import DuckdbSource
from connectors.duckdb.engine import Engine, Relation
from connectors.options import EngineLimits
from connectors.sqlite.source import statement
from connectors.sqlite.values import KINDS
from exchange.errors import ConfigError, SourceFailed
from exchange.model.predicate_sql import parse


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    (tmp_path / "root").mkdir()
    engine = Engine(":memory:", [tmp_path / "root"], EngineLimits(), tmp_path)
    yield engine
    engine.close()


@pytest.mark.parametrize(
    "sql",
    [
        "INSTALL httpfs",
        "LOAD httpfs",
        "ATTACH 'other.db'",
        "COPY (SELECT 1) TO 'out.csv'",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('root/../secret')",
        "SET enable_external_access=true",
        "SET allowed_directories=['/']",
        "SELECT * FROM tmp_path",
    ],
)
def test_t57_the_engine_is_locked_down(engine: Engine, sql: str) -> None:
    with pytest.raises(SourceFailed):
        engine.rows(sql)


def test_projection_and_filter_run_inside_the_parquet_scan(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "root" / "x.parquet"
    pa.parquet.write_table(pa.table({"a": range(1000), "b": ["hidden"] * 1000, "c": range(1000)}), path)
    relation = Relation("read_parquet(?)", ([str(path)],))
    schema = engine.schema(relation)
    sql, parameters = engine.statement(relation, schema, ["c"], parse("a > 990 AND NOT b LIKE 'x%'"))
    (plan,) = (row[1] for row in engine.rows(f"EXPLAIN (FORMAT json) {sql}", parameters))
    scan = _scan(json.loads(plan))
    assert "a>990" in str(scan["extra_info"]["Filters"]).replace(" ", "")
    assert "c" in scan["extra_info"]["Projections"]
    with engine.scan(relation, ["c"], parse("a > 990"), 100) as batches:
        found = list(batches)
    assert [batch.num_rows for batch in found] == [9]
    assert found[0].schema.names == ["c"]


def _scan(nodes: list[dict[str, Any]]) -> dict[str, Any]:
    """The leaf of a plan: what reads the file."""
    while nodes[0]["children"]:
        nodes = nodes[0]["children"]
    return nodes[0]


def test_sqlite_gets_projection_and_filter_as_parameters() -> None:
    kinds = {"a": KINDS["integer"], 'b"': KINDS["text"], "d": KINDS["date"]}
    hint = parse(
        "a > 5 AND \"b\"\"\" = 'x''y' AND a IS NULL AND \"b\"\"\" LIKE 'x%' AND d = '2013-01-01' AND a = 1"
    )
    sql, parameters = statement('t"', ['b"'], hint, kinds)
    assert sql == 'SELECT "b""" FROM "t""" WHERE ("a" > ?) AND ("b""" COLLATE BINARY = ?) AND ("a" IS NULL)'
    assert parameters == [5, "x'y"]


def test_a_result_larger_than_the_memory_limit_streams(tmp_path: Path) -> None:
    connection = duckdb.connect(str(tmp_path / "big.duckdb"))
    connection.execute("CREATE VIEW big AS SELECT range AS n, repeat('x', 200) AS filler FROM range(1000000)")
    connection.close()
    source = DuckdbSource({"path": "big.duckdb", "memory_limit": "64MB", "threads": 1}, tmp_path)
    with source.scan("big", ["n", "filler"], None, 8192) as batches:
        assert sum(batch.num_rows for batch in batches) == 1_000_000
    with source.scan("big", ["n", "filler"], None, 8192) as batches:
        next(batches)
    source.close()


def test_text_of_a_database_with_collations_is_not_pushed_down(tmp_path: Path) -> None:
    connection = duckdb.connect(str(tmp_path / "c.duckdb"))
    connection.execute("CREATE TABLE t AS SELECT 'A' COLLATE NOCASE AS s")
    connection.execute("CREATE TABLE u (s VARCHAR COLLATE NOCASE)")
    connection.execute("INSERT INTO u VALUES ('A')")
    connection.close()
    source = DuckdbSource({"path": "c.duckdb"}, tmp_path)
    with source.scan("u", ["s"], parse("s <> 'a'"), 10) as batches:
        assert [batch.to_pydict() for batch in batches] == [{"s": ["A"]}]
    source.close()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.duckdb").write_text("not a database, but long enough to be read as one" * 100)
    with pytest.raises(ConfigError):
        DuckdbSource({"path": "x.duckdb"}, tmp_path)
