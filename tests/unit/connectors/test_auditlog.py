"""The log as a source: all of what was signed when the read began, in order, or a failure; never less."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from audit_house import decision, open_log
from kept_house import grown

from connectors.auditlog import AuditlogSource
from exchange.audit.index.build import refresh
from exchange.audit.index.schema import COLUMNS
from exchange.errors import ConfigError, SourceFailed
from exchange.model.predicate_sql import parse

TABLE = "records"


class Logbook:
    """A log's folder as the plug-in sees it, without a log behind it: its extent, and shards."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.index = folder, folder / "index"
        (folder / "segments").mkdir(parents=True)
        self.index.mkdir()

    def signs(self, size: int, first: int = 0) -> None:
        for segment in (self.folder / "segments").iterdir():
            segment.unlink()
        (self.folder / "segments" / f"{first:020d}.log").touch()
        (self.folder / "checkpoint").write_text(
            f"城/audit\n{size}\nroot\n\n— 城/audit c2ln\n", encoding="utf-8"
        )

    def shard(self, first: int, end: int, rows: int | None = None, **more: Any) -> Path:
        count = end - first if rows is None else rows
        places = list(range(first, first + count))
        columns = {"index": places, "kind": [f"k{n % 3}" for n in places], **more, "_at": places}
        path = self.index / f"{first:020d}-{end:020d}.parquet"
        pq.write_table(pa.table(columns), path, row_group_size=100)
        return path

    def open(self, **options: Any) -> AuditlogSource:
        return AuditlogSource({"log": str(self.folder), "wait_s": 0, **options}, Path())


@pytest.fixture
def logbook(tmp_path: Path) -> Logbook:
    return Logbook(tmp_path / "日志")


def places(source: AuditlogSource, where: str = "", rows_max: int = 70) -> list[int]:
    hint = parse(where) if where else None
    with source.scan(TABLE, ["index"], hint, rows_max) as batches:
        return [place for batch in batches for place in batch.column(0).to_pylist()]


def test_all_shards_are_one_table_in_the_order_of_the_log(logbook: Logbook) -> None:
    for first, end in ((900, 1000), (0, 300), (300, 900)):
        logbook.shard(first, end)
    logbook.signs(1000)
    assert places(logbook.open(threads=4)) == list(range(1000))


def test_what_a_merge_has_replaced_is_not_read_twice(logbook: Logbook) -> None:
    for first, end in ((0, 10), (10, 20), (0, 20), (20, 25)):
        logbook.shard(first, end)
    logbook.signs(25)
    assert places(logbook.open()) == list(range(25))


def test_what_is_no_shard_is_not_read(logbook: Logbook) -> None:
    logbook.shard(0, 10).with_suffix(".new").write_bytes(b"half a shard")
    (logbook.index / "notes.parquet").write_bytes(b"somebody's")
    logbook.signs(10)
    assert places(logbook.open()) == list(range(10))


def test_a_condition_skips_rows_and_loses_none(logbook: Logbook) -> None:
    logbook.shard(0, 500)
    logbook.signs(500)
    assert places(logbook.open(), "\"index\" >= 490 AND kind = 'k1'") == [490, 493, 496, 499]


def test_records_that_are_not_signed_yet_may_be_there_too(logbook: Logbook) -> None:
    logbook.shard(0, 12)
    logbook.signs(10)
    assert places(logbook.open()) == list(range(12))


@pytest.mark.parametrize(
    ("shards", "first", "size"),
    [
        ([(0, 10)], 0, 11),
        ([(0, 10), (12, 20)], 0, 20),
        ([(5, 20)], 0, 20),
        ([(0, 20)], 5, 20),
        ([(0, 15), (10, 20)], 0, 20),
        ([], 0, 0),
    ],
    ids=["behind", "hole", "beginning missing", "removed from the log", "overlapping", "none"],
)
def test_less_or_more_than_the_log_holds_is_a_failure(
    logbook: Logbook, shards: list[tuple[int, int]], first: int, size: int
) -> None:
    for begin, end in shards:
        logbook.shard(begin, end)
    logbook.signs(size, first)
    with pytest.raises(SourceFailed, match="behind") as caught:
        places(logbook.open())
    assert str(logbook.folder) not in caught.value.public


def test_a_log_without_its_oldest_records_is_read_from_there(logbook: Logbook) -> None:
    logbook.shard(5, 20)
    logbook.signs(20, first=5)
    assert places(logbook.open()) == list(range(5, 20))


def test_a_read_waits_until_the_index_has_what_was_signed(logbook: Logbook) -> None:
    logbook.shard(0, 10)
    logbook.signs(15)
    later = threading.Timer(0.2, lambda: logbook.shard(10, 15))
    later.start()
    assert places(logbook.open(wait_s=20)) == list(range(15))
    later.join()


@pytest.mark.parametrize("note", ["", "origin\n", "origin\nmany\n", f"origin\n{'9' * 5000}\n", "\n5\n"])
def test_without_a_checkpoint_nothing_is_read(logbook: Logbook, note: str) -> None:
    logbook.shard(0, 10)
    logbook.signs(10)
    (logbook.folder / "checkpoint").write_text(note, encoding="utf-8")
    with pytest.raises(SourceFailed, match="the log cannot be read"):
        places(logbook.open())


def test_a_shard_with_fewer_rows_than_its_name_says_is_a_failure(logbook: Logbook) -> None:
    logbook.shard(0, 10)
    logbook.shard(10, 20, rows=9)
    logbook.signs(20)
    with pytest.raises(SourceFailed, match="damaged"):
        places(logbook.open())


def test_shards_of_two_versions_are_not_mixed(logbook: Logbook) -> None:
    logbook.shard(0, 10)
    logbook.shard(10, 20, reason=["new"] * 10)
    logbook.signs(20)
    with pytest.raises(SourceFailed, match="anew"):
        places(logbook.open())


def test_the_indexs_own_columns_are_not_served(logbook: Logbook) -> None:
    logbook.shard(0, 10)
    logbook.signs(10)
    source = logbook.open()
    assert source.schema(TABLE).names == ["index", "kind"]
    with pytest.raises(SourceFailed), source.scan(TABLE, ["_at"], None, 10):
        pass
    assert places(source, "_at = 3") == list(range(10))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A real log with its index."""
    folder = grown(tmp_path / "log")
    with open_log(folder) as opened:
        opened.append(decision(0, columns=("中文", "b"), columns_count=2))
    refresh(folder, folder / "index")
    return folder


def test_a_real_log_has_the_columns_of_its_index(log: Path) -> None:
    source = AuditlogSource({"log": "log"}, log.parent)
    schema = source.schema(TABLE)
    assert schema.names == list(COLUMNS)
    assert schema.field("time").type == pa.timestamp("us", "UTC")
    assert str(schema.field("columns").type) == str(schema.field("rules").type) == "list<item: string>"
    with source.scan(TABLE, schema.names, None, 5) as batches:
        table = pa.Table.from_batches(batches, schema)
    assert table["index"].to_pylist() == list(range(len(table)))
    assert table["kind"].to_pylist()[0] == "log"
    assert ["中文", "b"] in table["columns"].to_pylist()


def test_an_index_may_be_merged_while_it_is_read(log: Path) -> None:
    source = AuditlogSource({"log": "log"}, log.parent)
    whole = len(places(source))
    with source.scan(TABLE, ["index", "subject"], None, 1) as batches:
        found = [next(batches)]
        shard = next((log / "index").glob("*.parquet"))
        for _ in grow(log):
            refresh(log, log / "index")
        assert shard.exists()
        found += batches
    assert [row["index"] for batch in found for row in batch.to_pylist()] == list(range(whole))
    refresh(log, log / "index")
    assert not shard.exists()
    assert len(places(source)) > whole


def grow(log: Path) -> Iterator[None]:
    """More records, a few times."""
    for _ in range(2):
        with open_log(log) as opened:
            opened.append_many([decision(n) for n in range(40)])
        yield


def test_reading_beside_a_busy_index_gives_every_record_once(log: Path) -> None:
    source, ended = AuditlogSource({"log": "log", "wait_s": 30}, log.parent), threading.Event()

    def follow() -> None:
        while not ended.is_set():
            refresh(log, log / "index")
            time.sleep(0.01)

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        for _ in grow(log):
            signed = int((log / "checkpoint").read_text(encoding="utf-8").split("\n")[1])
            found = places(source)
            assert found == list(range(len(found)))
            assert len(found) >= signed
    finally:
        ended.set()
        thread.join()


def test_there_is_one_table(log: Path) -> None:
    source = AuditlogSource({"log": "log"}, log.parent)
    with pytest.raises(ConfigError, match="records"):
        source.schema("decisions")


def test_a_connector_may_start_before_its_index(logbook: Logbook) -> None:
    logbook.index.rmdir()
    logbook.signs(3)
    source = logbook.open()
    with pytest.raises(SourceFailed):
        source.schema(TABLE)
    with pytest.raises(SourceFailed):
        places(source)
    logbook.index.mkdir()
    logbook.shard(0, 3)
    assert places(source) == [0, 1, 2]


def test_without_a_log_it_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="log folder"):
        AuditlogSource({"log": "nowhere"}, tmp_path)
