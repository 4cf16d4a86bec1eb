"""What every source plug-in promises (`exchange.connector.source`), on every kind of store."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest
import stores

from exchange.connector.enforce.filter import keep
from exchange.connector.source import Source
from exchange.errors import ConfigError, SourceFailed
from exchange.model.predicate import Predicate
from exchange.model.predicate_sql import parse

ROWS = 5000

HINTS = (
    '"编号" > 4000',
    '"编号" >= 2.5 AND "va""lue" < 100',
    "\"name 名\" = 'k'",
    "\"name 名\" <> 'k'",
    "\"name 名\" > 'K'",
    "NOT \"name 名\" IN ('K', '')",
    "\"name 名\" LIKE 'k%'",
    "NOT \"name 名\" LIKE '%,%'",
    '"编号" IS NULL OR "name 名" = \'中文\'',
    'NOT ("va""lue" > 3 AND "编号" IS NULL)',
    '"va""lue" = 0 OR "va""lue" IN (1, 2.5, 9007199254740993)',
    '"编号" < 9223372036854775807',
    '"编号" BETWEEN -1 AND 3',
)


@pytest.fixture(params=stores.KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> stores.Kind:
    found: stores.Kind = request.param
    return found


@pytest.fixture
def source(kind: stores.Kind, tmp_path: Path) -> Iterator[Source]:
    kind.write(tmp_path, stores.table(ROWS))
    source = kind.open(tmp_path)
    yield source
    source.close()


def read(
    source: Source,
    table: str,
    columns: list[str] | None = None,
    hint: Predicate | None = None,
    rows_max: int = 700,
) -> pa.Table:
    schema = source.schema(table)
    names = columns or schema.names
    with source.scan(table, names, hint, rows_max) as batches:
        found = list(batches)
    for batch in found:
        assert 0 < batch.num_rows <= rows_max
        assert batch.schema.names == names
    return pa.Table.from_batches(found, pa.schema([schema.field(name) for name in names]))


def test_it_is_a_source(source: Source) -> None:
    assert isinstance(source, Source)


def test_schema_has_the_stores_order_and_no_metadata(source: Source, kind: stores.Kind) -> None:
    assert source.schema(kind.table).equals(stores.SCHEMA, check_metadata=True)
    assert source.schema(kind.table).metadata is None


def test_every_row_arrives_with_nulls_quotes_and_unicode_unharmed(source: Source, kind: stores.Kind) -> None:
    assert read(source, kind.table).equals(stores.table(ROWS))


def test_columns_come_in_the_order_asked_for(source: Source, kind: stores.Kind) -> None:
    names = ['va"lue', "编号"]
    assert read(source, kind.table, names).equals(stores.table(ROWS).select(names))


@pytest.mark.parametrize("rows_max", [1, 1024, 100_000])
def test_no_batch_is_longer_than_asked_for(source: Source, kind: stores.Kind, rows_max: int) -> None:
    assert read(source, kind.table, ["编号"], None, rows_max).num_rows == ROWS


@pytest.mark.parametrize("text", HINTS)
def test_a_hint_never_loses_a_row_for_which_it_is_true(source: Source, kind: stores.Kind, text: str) -> None:
    hint = parse(text)
    hinted = read(source, kind.table, None, hint)
    whole = stores.table(ROWS).combine_chunks().to_batches()[0]
    expected = keep(hint, whole)
    assert expected.num_rows > 0
    found = pa.Table.from_batches([keep(hint, batch) for batch in hinted.to_batches()], hinted.schema)
    assert found.equals(pa.Table.from_batches([expected]))


def test_an_empty_table_yields_no_batch(kind: stores.Kind, tmp_path: Path) -> None:
    kind.write(tmp_path, stores.table(0))
    source = kind.open(tmp_path)
    schema = source.schema(kind.table)
    with source.scan(kind.table, schema.names[:1], None, 100) as batches:
        assert list(batches) == []
    if kind.typed_when_empty:
        assert schema == stores.SCHEMA
    source.close()


def test_leaving_early_frees_the_source_for_others(source: Source, kind: stores.Kind) -> None:
    for _ in range(3):
        with source.scan(kind.table, ["编号"], None, 10) as batches:
            assert next(batches).num_rows > 0
    assert read(source, kind.table).num_rows == ROWS


def test_what_the_reader_raises_passes_as_it_is(source: Source, kind: stores.Kind) -> None:
    with (
        pytest.raises(OSError, match="the reader's own"),
        source.scan(kind.table, ["编号"], None, 10) as batches,
    ):
        next(batches)
        raise OSError("the reader's own")


def test_scans_run_side_by_side(source: Source, kind: stores.Kind) -> None:
    with ThreadPoolExecutor(6) as pool:
        tables = list(pool.map(lambda _: read(source, kind.table), range(12)))
    assert all(found.equals(stores.table(ROWS)) for found in tables)


def test_a_missing_table_is_named_to_the_operator(source: Source) -> None:
    with pytest.raises(ConfigError, match="没有"):
        source.schema("没有")


def test_a_missing_table_is_not_named_to_a_consumer(source: Source, tmp_path: Path) -> None:
    with pytest.raises(SourceFailed) as caught, source.scan("没有.csv", ["编号"], None, 10) as batches:
        list(batches)
    assert "没有" not in caught.value.public
    assert str(tmp_path) not in caught.value.public


def test_an_unknown_column_fails(source: Source, kind: stores.Kind) -> None:
    with pytest.raises(SourceFailed), source.scan(kind.table, ["nothing"], None, 10) as batches:
        list(batches)


def test_a_failure_in_the_middle_never_looks_like_the_end(
    source: Source, kind: stores.Kind, tmp_path: Path
) -> None:
    assert source.schema(kind.table) == stores.SCHEMA
    source.close()
    kind.damage(tmp_path)
    damaged = kind.open(tmp_path)
    with pytest.raises(SourceFailed) as caught, damaged.scan(kind.table, ["编号"], None, 500) as batches:
        list(batches)
    assert str(tmp_path) not in caught.value.public
    assert "boom" not in caught.value.public
    damaged.close()


def _read(source: Source, kind: stores.Kind) -> list[object]:
    with source.scan(kind.table, ["编号"], None, 500) as batches:
        return [value for batch in batches for value in batch.column(0).to_pylist()]


def test_a_store_that_vanished_fails_or_is_still_whole(
    source: Source, kind: stores.Kind, tmp_path: Path
) -> None:
    source.schema(kind.table)
    whole = _read(source, kind)
    for path in [*tmp_path.rglob("*.*")]:
        path.unlink()
    try:
        found = _read(source, kind)
    except SourceFailed:
        return
    # an open database file stays readable after it was removed; then all of it must still be there
    assert kind.name == "duckdb"
    assert found == whole


def test_closing_twice_is_closing(source: Source) -> None:
    source.close()
    source.close()


@pytest.mark.parametrize("options", [{}, {"root": ".", "path": "city.sqlite", "colour": 1}])
def test_missing_and_unknown_options_are_refused(
    kind: stores.Kind, tmp_path: Path, options: dict[str, object]
) -> None:
    kind.write(tmp_path, stores.table(1))
    with pytest.raises(ConfigError, match="option"):
        kind.factory(options, tmp_path)
