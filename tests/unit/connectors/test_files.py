"""Files: below the root only, never a short result, types pinned."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from connectors.files import FilesSource
from connectors.files.parquet import ARROW_FILES_MAX
from exchange.errors import ConfigError, SourceFailed
from exchange.model.predicate_sql import parse

Open = Callable[..., FilesSource]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    (tmp_path / "secret.csv").write_text("a\n1\n")
    return tmp_path / "root"


@pytest.fixture
def opened(root: Path) -> Open:
    def opened(**tables: dict[str, Any]) -> FilesSource:
        return FilesSource({"root": "root", "tables": tables}, root.parent)

    return opened


def rows(source: FilesSource, table: str, columns: list[str] | None = None) -> list[dict[str, Any]]:
    with source.scan(table, columns or source.schema(table).names, None, 1000) as batches:
        return [row for batch in batches for row in batch.to_pylist()]


@pytest.mark.parametrize(
    "path", ["../secret.csv", "/etc/passwd", "a/../../secret.csv", "link.csv", "", "x\0.csv"]
)
def test_t28_nothing_outside_the_root_is_read(root: Path, opened: Open, path: str) -> None:
    (root / "link.csv").symlink_to(root.parent / "secret.csv")
    source = opened()
    with pytest.raises(ConfigError):
        source.schema(path)
    with pytest.raises(SourceFailed):
        source.scan(path, ["a"], None, 10)


def test_a_link_that_stays_below_the_root_is_followed(root: Path, opened: Open) -> None:
    (root / "real.csv").write_text("a\n1\n")
    (root / "link.csv").symlink_to(root / "real.csv")
    assert rows(opened(), "link.csv") == [{"a": 1}]


@pytest.mark.parametrize("line", ["4,5", "4,5,6,7", "x,5,6"])
@pytest.mark.parametrize("columns", [["a"], ["a", "b", "c"]])
def test_a_bad_csv_line_after_a_good_start_is_a_failure(
    root: Path, opened: Open, line: str, columns: list[str]
) -> None:
    good = "a,b,c\n" + "1,2,3\n" * 50_000
    (root / "x.csv").write_text(good)
    source = opened()
    assert len(rows(source, "x.csv")) == 50_000
    (root / "x.csv").write_text(f"{good}{line}\n1,2,3\n")
    with pytest.raises(SourceFailed) as caught:
        rows(source, "x.csv", columns)
    assert "line of the file" in caught.value.public or "does not fit" in caught.value.public


def test_a_csv_that_swaps_its_columns_is_a_failure(root: Path, opened: Open) -> None:
    (root / "x.csv").write_text("name,pin\nAnn,1234\n")
    source = opened()
    assert rows(source, "x.csv", ["name"]) == [{"name": "Ann"}]
    (root / "x.csv").write_text("pin,name\n1234,Ann\n")
    with pytest.raises(SourceFailed, match="changed"):
        rows(source, "x.csv", ["name"])


@pytest.mark.parametrize("text", ["", "a,A\n1,2\n", "a,a\n1,2\n", "a,\n1,2\n"])
def test_a_csv_without_usable_column_names_is_refused(root: Path, opened: Open, text: str) -> None:
    (root / "x.csv").write_text(text)
    with pytest.raises(SourceFailed):
        opened().schema("x.csv")


def test_csv_options(root: Path, opened: Open) -> None:
    (root / "x.csv").write_text("code;n;d\n007;NA;01/02/2013\n008;5;02/02/2013\n")
    source = opened(
        x={"path": "x.csv", "delimiter": ";", "null_texts": ["NA"], "types": {"code": "varchar"}},
        y={"path": "x.csv", "delimiter": ";", "all_text": True},
    )
    assert source.schema("x").types == [pa.string(), pa.int64(), pa.string()]
    assert rows(source, "x")[0] == {"code": "007", "n": None, "d": "01/02/2013"}
    assert source.schema("y").types == [pa.string()] * 3


@pytest.mark.parametrize(
    "wrong",
    [{"types": {"zzz": "VARCHAR"}}, {"types": {"a": "DROP TABLE"}}, {"delimiter": ";;"}, {"format": "excel"}],
)
def test_wrong_table_options_are_refused(root: Path, opened: Open, wrong: dict[str, Any]) -> None:
    (root / "x.csv").write_text("a\n1\n")
    with pytest.raises(ConfigError):
        opened(x={"path": "x.csv", **wrong}).schema("x")


@pytest.mark.parametrize("size", [0, 4, 100, -8, -1])
def test_a_truncated_parquet_file_is_a_failure(root: Path, opened: Open, size: int) -> None:
    pa.parquet.write_table(pa.table({"a": range(1000)}), root / "x.parquet")
    source = opened()
    names = source.schema("x.parquet").names
    whole = (root / "x.parquet").read_bytes()
    (root / "x.parquet").write_bytes(whole[:size])
    with pytest.raises(SourceFailed), source.scan("x.parquet", names, None, 10) as batches:
        list(batches)


def test_a_folder_with_other_things_in_it_is_refused(root: Path, opened: Open) -> None:
    (root / "d").mkdir()
    with pytest.raises(ConfigError, match="one format"):
        opened().schema("d")
    (root / "d" / "a.csv").write_text("a\n1\n")
    (root / "d" / ".hidden").write_text("")
    assert rows(opened(), "d") == [{"a": 1}]
    (root / "d" / "b.csv").write_text("b\n1\n")
    with pytest.raises(SourceFailed, match="different columns"):
        opened().schema("d")
    (root / "d" / "b.csv").rename(root / "d" / "b.parquet")
    with pytest.raises(ConfigError, match="one format"):
        opened().schema("d")


def test_names_that_duckdb_would_take_for_patterns_are_refused(root: Path, opened: Open) -> None:
    (root / "a[1].csv").write_text("a\n1\n")
    with pytest.raises(ConfigError, match="rename"):
        opened().schema("a[1].csv")


EVERY_KIND = pa.table(
    {
        "a.b": pa.array([1, None, 3], pa.int64()),
        "u8": pa.array([1, 2, None], pa.uint8()),
        "f": pa.array([1.5, float("nan"), None], pa.float32()),
        "text": ["é", None, ""],
        "flag": [True, None, False],
        "day": pa.array([1, 2, None], pa.date32()),
        "ms": pa.array([1, None, -3], pa.timestamp("ms", "UTC")),
        "us": pa.array([1, None, -3], pa.timestamp("us")),
        "ns": pa.array([1000, None, 3000], pa.timestamp("ns")),
        "paris": pa.array([1, None, 3], pa.timestamp("us", "Europe/Paris")),
        "word": pa.array(["a", None, "a"]).dictionary_encode(),
        "bytes": pa.array([b"\xff", None, b""], pa.binary()),
        "nested": [{"x": 1, "y": ["z"]}, None, {"x": None, "y": []}],
        "decimal": pa.array([1, None, 3], pa.decimal128(9, 2)),
    }
)


@pytest.mark.parametrize("column", EVERY_KIND.column_names)
def test_a_parquet_column_reads_alike_with_a_condition_and_without(
    root: Path, opened: Open, column: str
) -> None:
    pa.parquet.write_table(EVERY_KIND, root / "x.parquet")
    source = opened()
    every_row = parse('"a.b" IS NULL OR "a.b" > 0')
    with source.scan("x.parquet", [column], every_row, 10) as batches:
        by_duckdb = pa.Table.from_batches(batches)
    with source.scan("x.parquet", [column], None, 10) as batches:
        by_either = pa.Table.from_batches(batches)
    assert by_either.schema == by_duckdb.schema
    assert str(by_either.to_pylist()) == str(by_duckdb.to_pylist())  # as text, for NaN
    assert by_either.schema.field(0) == source.schema("x.parquet").field(column)


def test_a_parquet_text_that_is_not_utf_8_is_a_failure(root: Path, opened: Open) -> None:
    offsets, data = pa.py_buffer(bytes([0, 0, 0, 0, 2, 0, 0, 0])), pa.py_buffer(b"\xff\xfe")
    wrong = pa.Array.from_buffers(pa.string(), 1, [None, offsets, data])
    pa.parquet.write_table(pa.table({"a": wrong}), root / "x.parquet")
    with pytest.raises(SourceFailed, match="utf-8"):
        rows(opened(), "x.parquet", ["a"])


def test_a_time_that_has_no_microseconds_is_a_failure(root: Path, opened: Open) -> None:
    pa.parquet.write_table(pa.table({"a": pa.array([2**62], pa.timestamp("ms"))}), root / "x.parquet")
    with pytest.raises(SourceFailed):
        rows(opened(), "x.parquet", ["a"])


def test_parquet_files_of_a_folder_that_differ_are_read_as_the_first(root: Path, opened: Open) -> None:
    (root / "d").mkdir()
    pa.parquet.write_table(pa.table({"a": pa.array([1], pa.int64())}), root / "d" / "1.parquet")
    pa.parquet.write_table(pa.table({"a": pa.array([2], pa.int32())}), root / "d" / "2.parquet")
    assert rows(opened(), "d", ["a"]) == [{"a": 1}, {"a": 2}]


def test_a_folder_of_many_parquet_files_is_read_whole(root: Path, opened: Open) -> None:
    (root / "d").mkdir()
    for number in range(ARROW_FILES_MAX + 4):
        pa.parquet.write_table(pa.table({"a": [number]}), root / "d" / f"{number:02}.parquet")
    assert sorted(row["a"] for row in rows(opened(), "d")) == list(range(ARROW_FILES_MAX + 4))


@pytest.mark.parametrize("row_group_rows", [1 << 14, 1 << 21], ids=["many row groups", "one row group"])
def test_a_large_parquet_file_is_never_held(root: Path, opened: Open, row_group_rows: int) -> None:
    noise = pa.Array.from_buffers(pa.int64(), 1 << 21, [None, pa.py_buffer(os.urandom(1 << 24))])
    pa.parquet.write_table(pa.table({"a": noise}), root / "x.parquet", row_group_size=row_group_rows)
    del noise
    assert (root / "x.parquet").stat().st_size > 15 << 20  # it cannot be made smaller
    before, most = pa.total_allocated_bytes(), 0
    with opened().scan("x.parquet", ["a"], None, 8192) as batches:
        for batch in batches:
            most = max(most, pa.total_allocated_bytes() - before)
            del batch
    assert most < 4 << 20
