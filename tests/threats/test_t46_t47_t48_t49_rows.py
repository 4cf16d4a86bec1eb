"""T45 to T49 in the kernel: columns that changed, nulls, masked columns and consumers' expressions."""

from __future__ import annotations

import pyarrow as pa
import pytest

from exchange.connector.enforce.govern import govern, governed_schema, plan
from exchange.errors import PredicateInvalid, SourceFailed
from exchange.model.obligation import ColumnRule, Mask, Obligations, Pseudonym, Round
from exchange.model.predicate_sql import parse

KEY = bytes(32)
BATCH = pa.record_batch({"id": [1, 2, 3], "ward": ["a", None, "b"], "age": [31, 47, None]})


def read(
    row_filter: str = "", where: str = "", batch: pa.RecordBatch = BATCH, **masks: Mask | None
) -> dict[str, list[object]]:
    obligations = Obligations(
        columns=tuple(ColumnRule(name=name, mask=mask) for name, mask in masks.items()),
        row_filter=parse(row_filter) if row_filter else None,
    )
    predicate = parse(where) if where else None
    columns = plan(obligations, predicate, BATCH.schema).columns
    found = govern(iter([batch.select(columns)]), obligations, predicate, BATCH.schema, KEY)
    rows: dict[str, list[object]] = pa.Table.from_batches(
        found, governed_schema(obligations, BATCH.schema)
    ).to_pydict()
    return rows


def test_t45_a_nested_field_added_at_the_source_is_not_delivered() -> None:
    known = pa.schema([("x", pa.struct([("a", pa.int64())]))])
    grown = pa.record_batch({"x": [{"a": 1, "secret": 2}]})
    with pytest.raises(SourceFailed):
        list(govern(iter([grown]), Obligations(columns=(ColumnRule(name="x"),)), None, known, KEY))


@pytest.mark.parametrize(
    "columns",
    [{"ID": [1]}, {"id ": [1]}, {"іd": [1]}, {"id": [1.0]}, {"id": ["1"]}],
    ids=["renamed", "blank", "look-alike", "retyped", "text"],
)
def test_t46_renamed_retyped_and_look_alike_columns_fail_closed(columns: dict[str, list[object]]) -> None:
    obligations = Obligations(columns=(ColumnRule(name="id"),))
    with pytest.raises(SourceFailed):
        list(govern(iter([pa.record_batch(columns)]), obligations, None, BATCH.schema, KEY))
    with pytest.raises(SourceFailed):
        plan(
            Obligations(columns=(ColumnRule(name="id"),), row_filter=parse("id = 1")),
            None,
            pa.schema([("ID", pa.int64())]),
        )


def test_t46_a_duplicate_column_fails_closed() -> None:
    twice = pa.schema([("id", pa.int64()), ("id", pa.int64())])
    with pytest.raises(SourceFailed):
        governed_schema(Obligations(columns=(ColumnRule(name="id"),)), twice)


@pytest.mark.parametrize(
    "row_filter", ["ward = 'a'", "ward <> 'b'", "NOT ward = 'b'", "NOT ward IN ('b')", "ward LIKE 'a%'"]
)
def test_t47_null_in_a_row_filter_column_excludes_the_row(row_filter: str) -> None:
    assert read(row_filter, id=None) == {"id": [1]}


def test_t47_null_in_a_consumers_predicate_excludes_the_row_too() -> None:
    assert read(where="NOT age > 40", id=None, age=None) == {"id": [1], "age": [31]}


def test_t48_a_consumers_predicate_acts_on_the_masked_value() -> None:
    assert read(where="age = 47", id=None, age=Round(step=10)) == {"id": [], "age": []}
    assert read(where="age = 40", id=None, age=Round(step=10)) == {"id": [2], "age": [40]}


def test_t48_a_pseudonym_cannot_be_probed_with_the_value() -> None:
    assert read(where="ward = 'a'", ward=Pseudonym(scope="s")) == {"ward": []}
    (found,) = read("id = 1", ward=Pseudonym(scope="s"))["ward"]
    assert read(where=f"ward = '{found}'", ward=Pseudonym(scope="s")) == {"ward": [found]}


def test_t48_a_source_is_never_told_of_a_predicate_on_a_masked_column() -> None:
    obligations = Obligations(columns=(ColumnRule(name="age", mask=Round(step=10)),))
    assert plan(obligations, parse("age = 40 AND age > 7"), BATCH.schema).hint is None


@pytest.mark.parametrize(
    "where", ["id = 99999999999999999", "id < 0.5", "id IN (1e300, 2)", "NOT id >= -9223372036854775807"]
)
def test_t49_no_literal_errs_on_any_row(where: str) -> None:
    for hidden in (
        pa.array([1, None, 3], pa.int8()),
        pa.array([1, None, 3], pa.uint64()),
        pa.array([0, 1, 2], pa.int32()),
    ):
        batch = pa.RecordBatch.from_arrays([hidden], ["id"])
        obligations = Obligations(columns=(ColumnRule(name="id"),))
        list(govern(iter([batch]), obligations, parse(where), batch.schema, KEY))


@pytest.mark.parametrize("where", ["id / 0 = 1", "CAST(ward AS INT) = 1", "length(ward) = 1", "id + 1 = 2"])
def test_t49_expressions_that_could_err_cannot_be_written(where: str) -> None:
    with pytest.raises(PredicateInvalid):
        parse(where)
