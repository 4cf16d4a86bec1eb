"""The filter agrees with an independent engine, and pushing down changes no answer."""

from __future__ import annotations

import datetime as dt
import sqlite3
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.duckdb import pushdown as duckdb_pushdown
from connectors.sqlite import pushdown as sqlite_pushdown
from connectors.sqlite.values import KINDS
from exchange.connector.enforce.filter import evaluate
from exchange.model.dataset import Column
from exchange.model.predicate import And, Compare, In, IsNull, Like, Not, Or, Predicate, check
from exchange.model.predicate_sql import render

WORDS = st.sampled_from(["", "a", "A", "ab", "中", "中文", "a\nb", "%", "_", "é"])
PATTERNS = st.sampled_from(["a%", "%", "_", "中_", "%b", "A", "a_b", "", "%%_"])
SMALL = st.integers(-4, 4)
DAYS = st.dates(dt.date(1960, 1, 1), dt.date(2030, 1, 1))
EPOCH = dt.datetime.fromisoformat("1970-01-01T00:00:00")
MOMENTS = st.integers(-(10**15), 2 * 10**15).map(lambda us: EPOCH + dt.timedelta(microseconds=us))
NUMBERS = SMALL | st.sampled_from([0.5, -2.25, 300, -300, 2**40])

COLUMNS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any], st.SearchStrategy[Any]]] = {
    "i": (pa.int64(), SMALL, NUMBERS),
    "t": (pa.int8(), SMALL, NUMBERS),
    "u": (pa.uint64(), st.integers(0, 4), NUMBERS),
    "f": (pa.float64(), SMALL | st.sampled_from([0.5, -2.25, -0.0]), NUMBERS),
    "r": (pa.float32(), SMALL | st.sampled_from([0.5, -2.25]), NUMBERS),
    "s": (pa.string(), WORDS, WORDS),
    "b": (pa.bool_(), st.booleans(), st.booleans()),
    "d": (pa.date32(), DAYS, DAYS.map(str)),
    "m": (pa.timestamp("us"), MOMENTS, MOMENTS.map(str)),
    "z": (pa.timestamp("us", "UTC"), MOMENTS, MOMENTS.map(lambda moment: f"{moment}+00:00")),
    "c": (pa.decimal128(5, 2), SMALL.map(lambda n: Decimal(n) / 4), NUMBERS),
}


def leaf(name: str) -> st.SearchStrategy[Predicate]:
    literals = COLUMNS[name][2]
    ops = ["=", "<>"] if name == "b" else ["=", "<>", "<", "<=", ">", ">="]
    compare = st.builds(Compare, column=st.just(name), op=st.sampled_from(ops), value=literals)
    within = st.builds(In, column=st.just(name), values=st.lists(literals, min_size=1, max_size=3).map(tuple))
    null = st.builds(IsNull, column=st.just(name))
    like = st.builds(Like, column=st.just(name), pattern=PATTERNS)
    return st.one_of(compare, within, null, like) if name == "s" else st.one_of(compare, within, null)


def predicates(names: str) -> st.SearchStrategy[Predicate]:
    def larger(inner: st.SearchStrategy[Predicate]) -> st.SearchStrategy[Predicate]:
        terms = st.lists(inner, min_size=1, max_size=3).map(tuple)
        return st.one_of(st.builds(And, terms=terms), st.builds(Or, terms=terms), st.builds(Not, term=inner))

    return st.recursive(st.sampled_from(list(names)).flatmap(leaf), larger, max_leaves=6)


def tables(names: str) -> st.SearchStrategy[pa.Table]:
    row = st.tuples(*(st.none() | COLUMNS[name][1] for name in names))
    schema = pa.schema([(name, COLUMNS[name][0]) for name in names])

    def build(rows: list[tuple[Any, ...]]) -> pa.Table:
        return pa.table(
            [pa.array([row[i] for row in rows], schema.field(i).type) for i in range(len(names))],
            schema=schema,
        )

    return st.lists(row, min_size=1, max_size=12).map(build)


def truth(predicate: Predicate, table: pa.Table) -> list[bool | None]:
    batch = table.combine_chunks().to_batches()[0]
    check(predicate, lambda name: Column(name=name, type=str(batch.schema.field(name).type)))
    found: list[bool | None] = evaluate(predicate, batch).to_pylist()
    return found


CONNECTION = duckdb.connect(":memory:")
CONNECTION.execute("SET TimeZone='UTC'")


@given(table=tables("itufsbdmzc"), predicate=predicates("itufsbdmzc"))
@settings(max_examples=150, deadline=None)
def test_arrow_and_duckdb_give_every_row_the_same_truth(table: pa.Table, predicate: Predicate) -> None:
    CONNECTION.register("rows_of_test", table)
    rows = CONNECTION.execute(f"SELECT ({render(predicate)}) FROM rows_of_test").fetchall()
    assert truth(predicate, table) == [row[0] for row in rows]


@given(table=tables("itufrsbdmzc"), predicate=predicates("itufrsbdmzc"), nan=st.integers(0, 1))
@settings(max_examples=150, deadline=None)
def test_what_is_pushed_into_duckdb_keeps_every_true_row(
    table: pa.Table, predicate: Predicate, nan: int
) -> None:
    if nan:
        table = table.set_column(3, "f", pa.array([float("nan")] * table.num_rows))
    numbered = table.append_column("n", pa.array(range(table.num_rows)))
    CONNECTION.register("rows_of_test", numbered)
    where, parameters = duckdb_pushdown.condition(predicate, table.schema, text_pushed=True)
    rows = CONNECTION.execute(f"SELECT n FROM rows_of_test WHERE {where or 'true'}", parameters).fetchall()
    assert {n for n, true in enumerate(truth(predicate, table)) if true} <= {row[0] for row in rows}


@given(table=tables("ifsb"), predicate=predicates("ifsb"))
@settings(max_examples=150, deadline=None)
def test_what_is_pushed_into_sqlite_keeps_every_true_row(table: pa.Table, predicate: Predicate) -> None:
    kinds = {"i": KINDS["integer"], "f": KINDS["real"], "s": KINDS["text"], "b": KINDS["boolean"]}
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (i INTEGER, f REAL, s TEXT COLLATE NOCASE, b BOOLEAN)")
    connection.executemany(
        "INSERT INTO t VALUES (?, ?, ?, ?)", [tuple(row.values()) for row in table.to_pylist()]
    )
    where, parameters = sqlite_pushdown.condition(predicate, kinds)
    rows = connection.execute(f"SELECT rowid - 1 FROM t WHERE {where or '1'}", parameters).fetchall()
    connection.close()
    assert {n for n, true in enumerate(truth(predicate, table)) if true} <= {row[0] for row in rows}
