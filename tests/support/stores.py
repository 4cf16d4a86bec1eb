"""The stores that the contract suite runs on: each kind writes the same table its own way."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from connectors.auditlog import AuditlogSource
from connectors.duckdb import DuckdbSource
from connectors.files import FilesSource
from connectors.sqlite import SqliteSource
from exchange.connector.source import Source, SourceFactory

SCHEMA = pa.schema([("编号", pa.int64()), ("name 名", pa.string()), ('va"lue', pa.float64())])


def table(rows: int) -> pa.Table:
    """Rows with nulls, quotes, Unicode, empty and repeated text."""
    names = ["é", "中文", None, "", "o'Hare", 'a "b"', "x,y", "K", "k"]
    return pa.table(
        {
            "编号": pa.array([None if n % 7 == 6 else n for n in range(rows)], pa.int64()),
            "name 名": pa.array([names[n % len(names)] for n in range(rows)], pa.string()),
            'va"lue': pa.array([None if n % 5 == 4 else n / 4 for n in range(rows)], pa.float64()),
        },
        schema=SCHEMA,
    )


@dataclass(frozen=True)
class Kind:
    """One kind of store.

    Attributes:
        name: of the kind.
        factory: the plug-in.
        options: of its `[source]`, given the folder.
        write: puts the table into the folder, under a Unicode name.
        damage: makes a table written so fail after its first rows.
        table: the table's name in the source.
        typed_when_empty: whether an empty table still knows its types.
    """

    name: str
    factory: SourceFactory
    write: Callable[[Path, pa.Table], None]
    damage: Callable[[Path], None]
    table: str
    options: Mapping[str, Any] = field(default_factory=lambda: {"root": "."})
    typed_when_empty: bool = True

    def open(self, folder: Path) -> Source:
        return self.factory(self.options, folder)


def _parquet(path: str) -> Callable[[Path, pa.Table], None]:
    def write(folder: Path, rows: pa.Table) -> None:
        (folder / path).parent.mkdir(exist_ok=True)
        pa.parquet.write_table(rows, folder / path, row_group_size=1000)

    return write


def _folder(folder: Path, rows: pa.Table) -> None:
    half = rows.num_rows // 2
    _parquet("目录/1.parquet")(folder, rows.slice(0, half))
    _parquet("目录/2.parquet")(folder, rows.slice(half))


def _auditlog(folder: Path, rows: pa.Table) -> None:
    """An index of three shards beside a log that has a record for each row; a merge left its parts behind."""
    third = rows.num_rows // 3
    (folder / "segments").mkdir(exist_ok=True)
    (folder / "segments" / f"{0:020d}.log").touch()
    (folder / "checkpoint").write_text(f"city/audit\n{rows.num_rows}\nroot\n", encoding="utf-8")
    for first, end in ((0, 1), (0, third), (third, 2 * third), (2 * third, rows.num_rows)):
        if first <= end <= rows.num_rows:
            _parquet(f"index/{first:020d}-{end:020d}.parquet")(folder, rows.slice(first, end - first))


def _auditlog_damage(folder: Path) -> None:
    _parquet_damage(str(max((folder / "index").glob("*.parquet")).relative_to(folder)))(folder)


def _csv(folder: Path, rows: pa.Table) -> None:
    pa.csv.write_csv(rows, folder / "航班.csv")


def _jsonl(folder: Path, rows: pa.Table) -> None:
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows.to_pylist()]
    (folder / "航班.jsonl").write_text("".join(lines), encoding="utf-8")


def _arrow(folder: Path, rows: pa.Table) -> None:
    with pa.OSFile(str(folder / "航班.arrow"), "wb") as file, pa.ipc.new_file(file, rows.schema) as writer:
        writer.write_table(rows, max_chunksize=1000)


def _arrows(folder: Path, rows: pa.Table) -> None:
    with pa.OSFile(str(folder / "航班.arrows"), "wb") as file, pa.ipc.new_stream(file, rows.schema) as writer:
        writer.write_table(rows, max_chunksize=1000)


def _sqlite(folder: Path, rows: pa.Table) -> None:
    connection = sqlite3.connect(folder / "city.sqlite")
    connection.execute('CREATE TABLE "航 班" ("编号" INTEGER, "name 名" TEXT COLLATE NOCASE, "va""lue" REAL)')
    connection.executemany(
        'INSERT INTO "航 班" VALUES (?, ?, ?)', [tuple(row.values()) for row in rows.to_pylist()]
    )
    connection.commit()
    connection.close()


def _duckdb(folder: Path, rows: pa.Table) -> None:
    connection = duckdb.connect(str(folder / "city.duckdb"))
    connection.register("arrived", rows)
    connection.execute('CREATE TABLE "航 班" AS SELECT * FROM arrived')
    connection.close()


def _append(path: str, text: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        with (folder / path).open("a", encoding="utf-8") as file:
            file.write(text)

    return damage


def _parquet_damage(path: str) -> Callable[[Path], None]:
    """Overwrite the head of a page in the last row group."""

    def damage(folder: Path) -> None:
        meta = pa.parquet.ParquetFile(folder / path).metadata
        first = meta.row_group(meta.num_row_groups - 1).column(0)
        _overwrite(folder / path, first.dictionary_page_offset or first.data_page_offset)

    return damage


def _arrow_damage(folder: Path) -> None:
    """Overwrite the head of the last batch's message."""
    path = folder / "航班.arrow"
    end = path.read_bytes().rfind(b"\xff\xff\xff\xff\0\0\0\0")
    _overwrite(path, path.read_bytes().rfind(b"\xff\xff\xff\xff", 0, end))


def _overwrite(path: Path, start: int) -> None:
    data = bytearray(path.read_bytes())
    data[start : start + 40] = b"\xee" * 40
    path.write_bytes(data)


def _cut(path: str) -> Callable[[Path], None]:
    """Cut the file short between two messages, where the reader alone would not notice."""

    def damage(folder: Path) -> None:
        data = (folder / path).read_bytes()
        (folder / path).write_bytes(data[:-8])

    return damage


def _sqlite_damage(folder: Path) -> None:
    connection = sqlite3.connect(folder / "city.sqlite")
    connection.execute('INSERT INTO "航 班" VALUES (?, ?, ?)', ("not a number", "x", 1.0))
    connection.commit()
    connection.close()


def _duckdb_damage(folder: Path) -> None:
    connection = duckdb.connect(str(folder / "city.duckdb"))
    connection.execute('ALTER TABLE "航 班" RENAME TO "old"')
    connection.execute(
        """CREATE VIEW "航 班" AS
        SELECT CASE WHEN "编号" = 4998 THEN error('boom') ELSE "编号" END::BIGINT AS "编号",
        "name 名", "va""lue" FROM old"""
    )
    connection.close()


KINDS = (
    Kind("parquet", FilesSource, _parquet("航班.parquet"), _parquet_damage("航班.parquet"), "航班.parquet"),
    Kind("folder", FilesSource, _folder, _parquet_damage("目录/2.parquet"), "目录"),
    Kind("csv", FilesSource, _csv, _append("航班.csv", "1,x\n"), "航班.csv", typed_when_empty=False),
    Kind(
        "jsonl",
        FilesSource,
        _jsonl,
        _append("航班.jsonl", '{"编号": 1'),
        "航班.jsonl",
        typed_when_empty=False,
    ),
    Kind("arrow", FilesSource, _arrow, _arrow_damage, "航班.arrow"),
    Kind("arrows", FilesSource, _arrows, _cut("航班.arrows"), "航班.arrows"),
    Kind("sqlite", SqliteSource, _sqlite, _sqlite_damage, "航 班", {"path": "city.sqlite"}),
    Kind("duckdb", DuckdbSource, _duckdb, _duckdb_damage, "航 班", {"path": "city.duckdb"}),
    Kind("auditlog", AuditlogSource, _auditlog, _auditlog_damage, "records", {"log": ".", "wait_s": 0}),
)
