"""T41 to T44: no canary in any byte that leaves, whatever the layout it was hidden in."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from canaries import MARKS, NUMBER, TEXT, veiled, wire
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.connector.enforce.govern import govern, governed_schema
from exchange.connector.enforce.layout import plain_type
from exchange.connector.enforce.scrub import scrubbed
from exchange.errors import SourceFailed
from exchange.model.obligation import ColumnRule, Nullify, Obligations, Redact
from exchange.model.predicate_sql import parse

KEY = bytes(32)


def no_canary(batch: pa.RecordBatch) -> None:
    data = wire(batch)
    assert not [mark for mark in MARKS if mark in data]


def leave(values: pa.Array) -> pa.Array:
    """The array scrubbed, after checking that it is equal, plain, and free of canaries."""
    found = scrubbed(values)
    found.validate(full=True)
    assert found.type == plain_type(values.type)
    assert found.to_pylist() == values.to_pylist()
    no_canary(pa.RecordBatch.from_arrays([found], ["x"]))
    return found


def governed(batch: pa.RecordBatch, **rules: object) -> pa.RecordBatch:
    obligations = Obligations(
        columns=tuple(ColumnRule(name=name) for name in batch.schema.names if name != "row"),
        row_filter=parse("row = 1"),
        **rules,
    )
    (found,) = govern(iter([batch]), obligations, None, batch.schema, KEY)
    return found


ROWS = pa.array([1, 0, 1, 0])
LAYOUTS = {
    "text": pa.array(["a", TEXT, "c", TEXT]),
    "large text": pa.array(["a", TEXT, "c", TEXT], pa.large_string()),
    "binary": pa.array([b"a", TEXT.encode(), b"c", TEXT.encode()]),
    "integers": pa.array([1, NUMBER, 3, NUMBER]),
    "fixed size binary": pa.array([b"1234567890123", TEXT.encode()[:13]] * 2, pa.binary(13)),
    "dictionary": pa.array(["a", TEXT, "c", TEXT]).dictionary_encode(),
    "text view": pa.array(["a", TEXT, "c", TEXT], pa.string_view()),
    "binary view": pa.array([b"a", TEXT.encode(), b"c", None], pa.binary_view()),
    "run end": pc.run_end_encode(pa.array(["a", TEXT, "c", TEXT])),
    "list": pa.array([["a"], [TEXT, TEXT], ["c", None], [TEXT]]),
    "large list": pa.array([[1], [NUMBER], [3, 4], [NUMBER]], pa.large_list(pa.int64())),
    "list view": pa.array([[1], [NUMBER], [3, 4], [NUMBER]], pa.list_view(pa.int64())),
    "large list view": pa.array([["a"], [TEXT], ["c"], [TEXT]], pa.large_list_view(pa.string())),
    "fixed size list": pa.array([[1, 2], [NUMBER, NUMBER], [3, 4], [NUMBER, 0]], pa.list_(pa.int64(), 2)),
    "struct": pa.array([{"a": 1, "b": "x"}, {"a": NUMBER, "b": TEXT}] * 2),
    "map": pa.array(
        [[("k", 1)], [(TEXT, NUMBER)], [("l", 3)], [(TEXT, NUMBER)]], pa.map_(pa.string(), pa.int64())
    ),
    "struct of lists of dictionaries": pa.array(
        [{"a": [{"b": "x"}]}, {"a": [{"b": TEXT}]}, {"a": None}, {"a": [{"b": TEXT}]}],
        pa.struct([("a", pa.list_(pa.struct([("b", pa.string())])))]),
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_t41_rows_filtered_out_leave_nothing_behind(layout: str) -> None:
    column = LAYOUTS[layout]
    found = governed(pa.RecordBatch.from_arrays([ROWS, column], ["row", "x"]))
    assert found["x"].to_pylist() == [column[0].as_py(), column[2].as_py()]
    no_canary(found)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_t41_a_slice_leaves_its_neighbours_behind(layout: str) -> None:
    column = LAYOUTS[layout]
    leave(column.slice(0, 1))
    leave(column.slice(2, 1))


def test_t41_the_test_would_see_a_leak() -> None:
    sliced = LAYOUTS["text"].slice(2, 1)
    assert TEXT.encode() in wire(pa.RecordBatch.from_arrays([sliced], ["x"]))


FLAT = [name for name in LAYOUTS if name in {"text", "large text", "binary", "integers", "fixed size binary"}]
NESTED = ["list", "large list", "fixed size list", "struct", "map", "struct of lists of dictionaries"]


@pytest.mark.parametrize("layout", FLAT)
def test_t42_a_null_has_zeros_underneath(layout: str) -> None:
    values = veiled(LAYOUTS[layout], [True, False, True, False])
    assert any(mark in wire(pa.RecordBatch.from_arrays([values], ["x"])) for mark in MARKS)
    leave(values)
    leave(values.slice(1, 2))


@pytest.mark.parametrize("layout", NESTED)
def test_t43_a_null_parent_has_nothing_underneath(layout: str) -> None:
    values = veiled(LAYOUTS[layout], [True, False, True, False])
    assert any(mark in wire(pa.RecordBatch.from_arrays([values], ["x"])) for mark in MARKS)
    leave(values)
    leave(values.slice(1, 2))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("mask", [Nullify(), Redact()])
def test_t42_t43_a_masked_column_leaves_nothing_behind(layout: str, mask: Nullify | Redact) -> None:
    batch = pa.RecordBatch.from_arrays([LAYOUTS[layout]], ["x"])
    obligations = Obligations(columns=(ColumnRule(name="x", mask=mask),))
    (found,) = govern(iter([batch]), obligations, None, batch.schema, KEY)
    no_canary(found)


def test_t43_views_inside_a_null_fixed_size_list_come_out_plain_and_empty() -> None:
    kind = pa.list_(pa.string_view(), 2)
    leave(
        veiled(
            pa.array([["a", "b"], [TEXT, TEXT], ["c", None], [TEXT, ""]], kind), [True, False, True, False]
        )
    )
    leave(pa.array([None], kind))


@pytest.mark.parametrize("mode", ["sparse", "dense"])
def test_t43_a_union_is_refused(mode: str) -> None:
    kinds, children = pa.array([0, 1], pa.int8()), [pa.array([1, 2]), pa.array(["a", TEXT])]
    union = (
        pa.UnionArray.from_sparse(kinds, children)
        if mode == "sparse"
        else pa.UnionArray.from_dense(kinds, pa.array([0, 1], pa.int32()), children)
    )
    for column in (union, pa.StructArray.from_arrays([union], ["u"])):
        with pytest.raises(SourceFailed):
            scrubbed(column)
        with pytest.raises(SourceFailed):
            governed_schema(Obligations(columns=(ColumnRule(name="x"),)), pa.schema([("x", column.type)]))


def test_t44_no_metadata_leaves_on_schema_field_or_nested_field() -> None:
    marked = {"pandas": TEXT}
    kind = pa.struct(
        [
            pa.field("a", pa.int64(), metadata=marked),
            pa.field("b", pa.list_(pa.field("item", pa.int8(), metadata=marked))),
        ]
    )
    schema = pa.schema([pa.field("x", kind, metadata=marked)], metadata=marked)
    batch = pa.RecordBatch.from_arrays([pa.array([{"a": 1, "b": [1]}], kind)], schema=schema)
    obligations = Obligations(columns=(ColumnRule(name="x"),))
    (found,) = govern(iter([batch]), obligations, None, schema, KEY)
    no_canary(found)
    assert found.schema.equals(governed_schema(obligations, schema), check_metadata=True)


def test_t41_bits_behind_the_last_row_are_zero() -> None:
    flags = pa.array([True] * 64)
    found = scrubbed(flags.slice(3, 5))
    assert found.buffers()[1].to_pybytes() == b"\x1f"
    holed = pa.array([True, None] * 32).slice(1, 3)
    assert scrubbed(holed).buffers()[0].to_pybytes() == b"\x02"
    assert scrubbed(holed).buffers()[1].to_pybytes() == b"\x02"


TYPES = st.recursive(
    st.sampled_from(
        [
            (pa.int8(), st.integers(-100, 100)),
            (pa.int64(), st.integers(-(2**62), 2**62)),
            (pa.bool_(), st.booleans()),
            (pa.string(), st.text(max_size=5)),
            (pa.large_binary(), st.binary(max_size=5)),
            (pa.binary(3), st.binary(min_size=3, max_size=3)),
            (pa.float32(), st.integers(-100, 100).map(float)),
            (pa.string_view(), st.text(max_size=20)),
        ]
    ),
    lambda inner: st.one_of(
        inner.map(lambda t: (pa.list_(t[0]), st.lists(st.none() | t[1], max_size=3))),
        inner.map(lambda t: (pa.large_list(t[0]), st.lists(st.none() | t[1], max_size=3))),
        inner.map(lambda t: (pa.list_(t[0], 2), st.lists(st.none() | t[1], min_size=2, max_size=2))),
        inner.map(
            lambda t: (
                pa.struct([("a", t[0]), ("b", pa.int16())]),
                st.fixed_dictionaries({"a": st.none() | t[1], "b": st.none()}),
            )
        ),
        inner.map(
            lambda t: (
                pa.map_(pa.string(), t[0]),
                st.lists(st.tuples(st.text(max_size=3), st.none() | t[1]), max_size=2),
            )
        ),
    ),
    max_leaves=3,
)


@given(data=st.data(), kind=TYPES)
@settings(max_examples=150, deadline=None)
def test_t41_t43_any_slice_of_any_type_comes_out_equal_and_exactly_sized(
    data: st.DataObject, kind: tuple[pa.DataType, st.SearchStrategy[object]]
) -> None:
    values = pa.array(data.draw(st.lists(st.none() | kind[1], max_size=20)), kind[0])
    start = data.draw(st.integers(0, len(values)))
    sliced = values.slice(start, data.draw(st.integers(0, len(values) - start)))
    found = scrubbed(sliced)
    found.validate(full=True)
    assert found.to_pylist() == sliced.to_pylist()
    alone = scrubbed(pa.array(sliced.to_pylist(), found.type))
    as_sent = [pa.RecordBatch.from_arrays([array], ["x"]).serialize() for array in (found, alone)]
    assert as_sent[0] == as_sent[1], "bytes depend on something other than the values"
