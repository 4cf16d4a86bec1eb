"""T49: a hidden row that the store cannot even read answers no question about itself."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from connectors.sqlite import SqliteSource
from exchange.connector.enforce.govern import govern, plan
from exchange.errors import SourceFailed
from exchange.model.obligation import ColumnRule, Obligations
from exchange.model.predicate_sql import parse


@pytest.fixture
def source(tmp_path: Path) -> SqliteSource:
    with sqlite3.connect(tmp_path / "s.db") as db:
        db.execute("CREATE TABLE t(id INTEGER, name TEXT, age INTEGER)")
        db.execute("INSERT INTO t VALUES (1, 'open-a', 30), (2, 'hidden', 'not a number'), (3, 'open-b', 40)")
    db.close()
    return SqliteSource({"path": "s.db"}, tmp_path)


def outcome(source: SqliteSource, row_filter: str, where: str) -> object:
    obligations = Obligations(
        columns=(ColumnRule(name="id"), ColumnRule(name="age")), row_filter=parse(row_filter)
    )
    schema = source.schema("t")
    scan = plan(obligations, parse(where), schema)
    try:
        with source.scan("t", scan.columns, scan.hint, 100) as raw:
            found = govern(raw, obligations, parse(where), schema, bytes(32))
            return [row for batch in found for row in batch.to_pylist()]
    except SourceFailed:
        return "failed"


@pytest.mark.parametrize("row_filter", ["name LIKE 'open%'", "name > 'm'"])
def test_t49_where_the_store_cannot_filter_for_policy_it_does_not_for_the_consumer(
    source: SqliteSource, row_filter: str
) -> None:
    assert outcome(source, row_filter, "id = 2") == outcome(source, row_filter, "id = 99") == "failed"


def test_t49_where_the_store_filters_for_policy_the_hidden_row_is_never_read(source: SqliteSource) -> None:
    assert outcome(source, "name <> 'hidden'", "id = 2") == []
    assert outcome(source, "name <> 'hidden'", "id = 99") == []
    assert outcome(source, "name <> 'hidden'", "id = 3") == [{"id": 3, "age": 40}]
