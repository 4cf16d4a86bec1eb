"""Three-valued logic, exact comparison, and no error on any row."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from exchange.connector.enforce.filter import evaluate, keep
from exchange.model.dataset import Column
from exchange.model.predicate import check
from exchange.model.predicate_sql import parse


def truth(column: pa.Array, text: str) -> list[bool | None]:
    batch = pa.RecordBatch.from_arrays([column], ["x"])
    predicate = parse(text)
    check(predicate, lambda name: Column(name=name, type=str(column.type)))
    return evaluate(predicate, batch).to_pylist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x < 300", [True, True, None]),
        ("x > -300", [True, True, None]),
        ("x = 300", [False, False, None]),
        ("x <> 300", [True, True, None]),
        ("x IN (300, 400)", [False, False, None]),
        ("x IN (300, 127)", [False, True, None]),
        ("NOT x >= 9223372036854775807", [True, True, None]),
        ("x < 126.5", [True, False, None]),
        ("x >= 126.5", [False, True, None]),
        ("x = 126.5", [False, False, None]),
        ("x = 127.0", [False, True, None]),
        ("x IS NULL", [False, False, True]),
        ("x = 1 OR x IS NULL", [False, False, True]),
        ("x = 127 OR x = 5", [False, True, None]),
        ("NOT (x = 127 AND x IS NULL)", [True, True, None]),
    ],
)
def test_a_literal_beyond_the_columns_width_compares_and_null_stays_unknown(
    text: str, expected: list[bool | None]
) -> None:
    assert truth(pa.array([-128, 127, None], pa.int8()), text) == expected


def test_every_column_type_takes_a_literal_no_double_can_hold() -> None:
    big = 2**53 + 1
    assert truth(pa.array([big - 1, big], pa.int64()), f"x = {big}") == [False, True]
    assert truth(pa.array([float(2**53)]), f"x = {big}") == [False]
    assert truth(pa.array([float(2**53)]), f"x < {big}") == [True]
    assert truth(pa.array([float(2**53 + 2)]), f"x <= {big}") == [False]
    assert truth(pa.array([2**64 - 1], pa.uint64()), "x > -1") == [True]


def test_nan_is_unordered_and_zero_has_one_value() -> None:
    column = pa.array([math.nan, -0.0, 1.5])
    assert truth(column, "x > 1") == [False, False, True]
    assert truth(column, "NOT x > 1") == [True, True, False]
    assert truth(column, "x <> 1.5") == [True, True, False]
    assert truth(column, "x IN (0, 2)") == [False, True, False]


def test_decimals_compare_with_the_number_as_it_is_written() -> None:
    column = pa.array([Decimal("0.10"), Decimal("-9.99"), None], pa.decimal128(3, 2))
    assert truth(column, "x = 0.1") == [True, False, None]
    assert truth(column, "x < 0.105") == [True, True, None]
    assert truth(column, "x > -1000000") == [True, True, None]
    assert truth(column, "x IN (0.1, 77)") == [True, False, None]
    assert truth(column.cast(pa.decimal32(3, 2)), "x IN (0.1, -9.99)") == [True, True, None]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("tz", [None, "UTC", "Asia/Shanghai"])
def test_timestamps_compare_as_instants_and_a_naive_literal_is_utc(unit: str, tz: str | None) -> None:
    column = pa.array([dt.datetime(2013, 1, 1, 10, 0, tzinfo=dt.UTC), None]).cast(
        pa.timestamp(unit, tz or "UTC")
    )
    if tz is None:
        column = column.cast(pa.int64()).cast(pa.timestamp(unit))
    assert truth(column, "x = '2013-01-01 10:00:00'") == [True, None]
    assert truth(column, "x = '2013-01-01T18:00:00+08:00'") == [True, None]
    assert truth(column, "x < '2013-01-01T10:00:00.000001'") == [True, None]
    assert truth(column, "x < '9999-12-31T23:59:59'") == [True, None]
    assert truth(column, "x > '0001-01-01T00:00:00+14:00'") == [True, None]


@pytest.mark.parametrize("kind", [pa.date32(), pa.date64()])
def test_dates_compare_before_and_after_1970(kind: pa.DataType) -> None:
    column = pa.array([dt.date(1969, 12, 31), dt.date(2013, 1, 1), None], kind)
    assert truth(column, "x < '1970-01-01'") == [True, False, None]
    assert truth(column, "x IN ('2013-01-01', '0001-01-01')") == [False, True, None]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()])
def test_text_compares_bytewise_and_like_counts_characters(kind: pa.DataType) -> None:
    column = pa.array(["中文", "中\n文", "A", "a.c", "", None], kind)
    assert truth(column, "x LIKE '中_'") == [True, False, False, False, False, None]
    assert truth(column, "x LIKE '中%文'") == [True, True, False, False, False, None]
    assert truth(column, "x LIKE 'a_c'") == [False, False, False, True, False, None]
    assert truth(column, "x LIKE 'a'") == [False, False, False, False, False, None]
    assert truth(column, "x > 'Z'") == [True, True, False, True, False, None]
    assert truth(column, "x IN ('A', '')") == [False, False, True, False, True, None]


def test_a_dictionary_counts_as_its_values_also_where_the_null_is_in_the_dictionary() -> None:
    column = pa.DictionaryArray.from_arrays(pa.array([0, 1, None]), pa.array(["a", None]))
    assert truth(column, "x = 'a'") == [True, None, None]
    assert truth(column, "x IS NULL") == [False, True, True]


def test_other_encodings_count_as_their_values() -> None:
    encoded = pc.run_end_encode(pa.array([1, 1, None]))
    assert evaluate(parse("x = 1"), pa.RecordBatch.from_arrays([encoded], ["x"])).to_pylist() == [
        True,
        True,
        None,
    ]


def test_booleans() -> None:
    column = pa.array([True, False, None])
    assert truth(column, "x") == [True, False, None]
    assert truth(column, "NOT x") == [False, True, None]
    assert truth(column, "x IN (TRUE, FALSE)") == [True, True, None]


def test_keep_keeps_only_what_is_true() -> None:
    batch = pa.record_batch({"x": [1, 2, None]})
    assert keep(parse("x > 1"), batch).to_pydict() == {"x": [2]}
    assert keep(parse("NOT x > 1"), batch).to_pydict() == {"x": [1]}
    assert keep(None, batch) is batch
