"""Steps 7 and 8: the order of rules, no trust in the source, exact limits."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest

from exchange.connector.enforce.govern import govern, governed_schema, plan
from exchange.errors import PredicateInvalid, SourceFailed
from exchange.model.obligation import ColumnRule, Mask, Obligations, Partial, Redact, Round
from exchange.model.predicate import Predicate
from exchange.model.predicate_sql import parse, render

RAW = pa.schema([("id", pa.int64()), ("name", pa.string()), ("age", pa.int32()), ("ward", pa.string())])
KEY = bytes(32)


def rules(row_filter: str = "", row_limit: int | None = None, **masks: Mask | None) -> Obligations:
    return Obligations(
        columns=tuple(ColumnRule(name=name, mask=mask) for name, mask in masks.items()),
        row_filter=parse(row_filter) if row_filter else None,
        row_limit=row_limit,
    )


def people(start: int, stop: int) -> pa.RecordBatch:
    ids = range(start, stop)
    return pa.record_batch(
        {
            "id": pa.array(ids, pa.int64()),
            "name": pa.array([f"name{n}" for n in ids]),
            "age": pa.array([n % 90 for n in ids], pa.int32()),
            "ward": pa.array([None if n % 3 == 2 else f"w{n % 3}" for n in ids]),
        }
    )


def run(
    obligations: Obligations, where: str = "", batches: list[pa.RecordBatch] | None = None, **options: int
) -> pa.Table:
    predicate = parse(where) if where else None
    columns = plan(obligations, predicate, RAW).columns
    raw = [batch.select(columns) for batch in batches or [people(0, 100)]]
    found = list(govern(iter(raw), obligations, predicate, RAW, KEY, **options))
    assert all(batch.num_rows for batch in found)
    return pa.Table.from_batches(found, governed_schema(obligations, RAW))


def shown(predicate: Predicate | None) -> str:
    return render(predicate) if predicate else ""


def test_step_7_scans_the_allow_list_and_what_the_row_filter_reads() -> None:
    obligations = rules("ward = 'w1'", name=None, age=Round(step=10))
    found = plan(obligations, parse("name LIKE 'n%' AND age = 20"), RAW)
    assert found.columns == ("name", "age", "ward")
    assert shown(found.hint) == "(\"ward\" = 'w1') AND (\"name\" LIKE 'n%')"
    assert shown(found.late) == '"age" = 20'


def test_step_7_offers_the_source_no_part_of_a_disjunction_with_a_masked_column() -> None:
    found = plan(rules(name=None, age=Round(step=10)), parse("name = 'x' OR age = 20"), RAW)
    assert found.hint is None


def test_step_8_the_output_has_the_allow_list_only_in_its_order() -> None:
    assert run(rules("ward = 'w1'", age=None, id=None)).to_pydict() == {
        "age": [n % 90 for n in range(1, 100, 3)],
        "id": list(range(1, 100, 3)),
    }


def test_step_8_the_row_filter_reads_raw_values_and_the_consumer_masked_ones() -> None:
    obligations = rules("age < 25", id=None, age=Round(step=10))
    assert run(obligations, "age = 20")["id"].to_pylist() == [20, 21, 22, 23, 24]
    assert run(obligations, "age = 23").num_rows == 0


def test_step_8_the_row_limit_is_exact_and_reads_no_further() -> None:
    pulled: list[int] = []

    def source() -> Iterator[pa.RecordBatch]:
        for n in range(10):
            pulled.append(n)
            yield people(n * 10, n * 10 + 10).select(["id"])

    found = list(govern(source(), rules(row_limit=25, id=None), None, RAW, KEY))
    assert sum(batch.num_rows for batch in found) == 25
    assert pulled == [0, 1, 2]


def test_crumbs_are_swept_together_and_boulders_split() -> None:
    crumbs = [people(n, n + 1) for n in range(3000)]
    obligations = rules(id=None, name=None)
    raw = iter([batch.select(["id", "name"]) for batch in crumbs])
    assert len(list(govern(raw, obligations, None, RAW, KEY))) == 1
    boulder = people(0, 5000).select(["id", "name"])
    split = list(govern(iter([boulder]), obligations, None, RAW, KEY, batch_bytes_max=10_000))
    assert max(batch.nbytes for batch in split) <= 10_000
    assert pa.Table.from_batches(split).equals(pa.Table.from_batches([boulder]))


@pytest.mark.parametrize(
    "wrong",
    [
        people(0, 5).select(["age", "id"]),
        people(0, 5).select(["id"]),
        people(0, 5).select(["id", "age", "name"]),
        people(0, 5).select(["id", "age"]).rename_columns(["id", "Age"]),
        pa.record_batch({"id": pa.array([1], pa.int32()), "age": pa.array([1], pa.int32())}),
    ],
)
def test_a_source_that_delivers_something_else_is_not_read(wrong: pa.RecordBatch) -> None:
    with pytest.raises(SourceFailed):
        list(govern(iter([wrong]), rules(id=None, age=None), None, RAW, KEY))


def test_a_source_that_ignores_the_hint_changes_nothing() -> None:
    assert run(rules("id < 10", id=None)).num_rows == 10


@pytest.mark.parametrize(
    "obligations",
    [rules(gone=None), rules("gone = 1", id=None), rules("id = 'text'", id=None), rules(id=Partial())],
)
def test_obligations_that_do_not_fit_the_dataset_fail_before_anything_is_read(
    obligations: Obligations,
) -> None:
    with pytest.raises(SourceFailed) as caught:
        govern(iter([]), obligations, None, RAW, KEY)
    assert "gone" not in caught.value.public
    assert "text" not in caught.value.public


@pytest.mark.parametrize("where", ["ward = 'w1'", "gone = 1", "age > 5"])
def test_a_consumer_cannot_speak_of_a_hidden_column_nor_of_its_raw_type(where: str) -> None:
    with pytest.raises(PredicateInvalid):
        plan(rules(id=None, age=Redact()), parse(where), RAW)


def test_a_column_listed_twice_is_refused() -> None:
    twice = Obligations(columns=(ColumnRule(name="id"), ColumnRule(name="id")))
    with pytest.raises(SourceFailed):
        governed_schema(twice, RAW)


def test_malformed_text_is_the_sources_failure() -> None:
    broken = pa.Array.from_buffers(
        pa.string(),
        1,
        [
            None,
            pa.py_buffer((0).to_bytes(4, "little") + (2).to_bytes(4, "little")),
            pa.py_buffer(b"\xff\xfe"),
        ],
    )
    batch = pa.RecordBatch.from_arrays([broken], ["name"])
    with pytest.raises(SourceFailed):
        list(govern(iter([batch]), rules(name=Partial(first=1)), None, RAW, KEY))


@pytest.mark.parametrize(
    ("types", "rows"),
    [
        ([pa.int64()] * 15 + [pa.string()] * 4, 8192),
        ([pa.bool_()], 2**21),
        ([pa.list_(pa.int64())] * 2000, 1024),
        ([pa.dictionary(pa.int32(), pa.string())], 2**19),
    ],
)
def test_a_scan_asks_for_about_as_many_rows_as_one_message_holds(types: list[pa.DataType], rows: int) -> None:
    schema = pa.schema([pa.field(f"c{n}", kind) for n, kind in enumerate(types)])
    obligations = Obligations(columns=tuple(ColumnRule(name=name) for name in schema.names))
    assert plan(obligations, None, schema).batch_rows == rows


@pytest.mark.parametrize(
    ("row_limit", "where", "rows"),
    [(10, None, 1024), (5000, None, 5000), (10, "c0 > 1", 8192), (10**6, None, 8192)],
)
def test_a_scan_asks_for_no_more_rows_than_may_leave(row_limit: int, where: str | None, rows: int) -> None:
    schema = pa.schema([pa.field(f"c{n}", pa.int64()) for n in range(25)])
    columns = tuple(ColumnRule(name=name) for name in schema.names)
    obligations = Obligations(columns=columns, row_limit=row_limit)
    assert plan(obligations, parse(where) if where else None, schema).batch_rows == rows
