"""The index follows its log; whatever is done to it, it neither adds nor alters a hit."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from audit_house import PUBLIC, decision, filled, open_log
from log_written import line, written

from exchange.audit.index import shards
from exchange.audit.index.build import refresh
from exchange.audit.index.question import Question
from exchange.audit.index.reading import opened
from exchange.audit.index.search import search
from exchange.audit.log import AuditLog
from exchange.audit.proofs.checkpoint import Checkpoint, open_checkpoint
from exchange.audit.records.record import moment
from exchange.audit.storage.layout import Layout
from exchange.errors import ConfigError, LogCorrupt


def places(index: Path) -> list[int]:
    with opened(index) as connection:
        return [place for (place,) in connection.execute('SELECT "index" FROM records').fetchall()]


def signed(log: Path) -> Checkpoint:
    return open_checkpoint(Layout(log).checkpoint.read_bytes(), PUBLIC)


def caught_up(log: AuditLog, folder: Path, index: Path) -> int:
    """Refresh until the index has every record: tree/0 follows the records with the next checkpoint."""
    give_up = time.monotonic() + 20
    while (covered := refresh(folder, index)) < log.size and time.monotonic() < give_up:
        time.sleep(0.01)
    return covered


def altered(index: Path, column: str, value: object) -> None:
    """Somebody writes another value into every row of every shard, and keeps the metadata."""
    for path in index.glob("*.parquet"):
        table = pq.read_table(path)
        at = table.schema.get_field_index(column)
        changed = pa.array([value] * table.num_rows, table.schema.field(at).type)
        pq.write_table(table.set_column(at, table.schema.field(at), changed), path)


def test_it_covers_the_log_in_order(tmp_path: Path) -> None:
    lines = filled(tmp_path / "log", batches=5, each=4)
    assert refresh(tmp_path / "log", tmp_path / "index") == len(lines)
    assert places(tmp_path / "index") == list(range(len(lines)))


def test_an_empty_index_has_no_rows(tmp_path: Path) -> None:
    (tmp_path / "index").mkdir()
    assert places(tmp_path / "index") == []


def test_it_follows_a_log_that_is_being_written_and_keeps_few_files(tmp_path: Path) -> None:
    with open_log(tmp_path / "log") as log:
        for number in range(20):
            log.append_many([decision(number * 3 + more) for more in range(3)])
            assert caught_up(log, tmp_path / "log", tmp_path / "index") == log.size
    assert places(tmp_path / "index") == list(range(61))
    assert len(list((tmp_path / "index").glob("*.parquet"))) <= 6


def test_a_batch_that_is_not_committed_is_not_in_it(tmp_path: Path) -> None:
    lines = filled(tmp_path / "log", batches=2)
    (segment,) = Layout(tmp_path / "log").segments()
    whole = segment.read_bytes()
    segment.write_bytes(whole[: whole.rindex(b"#commit")])
    assert refresh(tmp_path / "log", tmp_path / "index") == len(lines) - 1


def test_a_refresh_does_not_disturb_a_reader(tmp_path: Path) -> None:
    with open_log(tmp_path / "log") as log:
        log.append(decision(1))
        caught_up(log, tmp_path / "log", tmp_path / "index")
        with opened(tmp_path / "index") as connection:
            for number in range(2, 8):
                log.append(decision(number))
                caught_up(log, tmp_path / "log", tmp_path / "index")
            assert connection.execute("SELECT count(*) FROM records").fetchall() == [(2,)]
        assert len(places(tmp_path / "index")) == 8


def test_shards_end_at_their_bounds_and_merge_within_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exchange.audit.index.build.SHARD_RECORDS", 8)
    monkeypatch.setattr(shards, "SHARD_RECORDS", 8)
    with open_log(tmp_path / "log") as log:
        for number in range(19):
            log.append(decision(number))
            caught_up(log, tmp_path / "log", tmp_path / "index")
        names = [(one.first, one.end) for one in shards.disjoint(shards.listed(tmp_path / "index"))]
        assert names[:2] == [(0, 8), (8, 16)]
        assert places(tmp_path / "index") == list(range(20))


def test_the_index_of_another_log_is_made_anew(tmp_path: Path) -> None:
    filled(tmp_path / "one", batches=2)
    with open_log(tmp_path / "two") as log:
        log.append_many([decision(number, dataset="port.other") for number in range(6)])
    refresh(tmp_path / "one", tmp_path / "index")
    refresh(tmp_path / "two", tmp_path / "index")
    answer = search(tmp_path / "two", tmp_path / "index", Question(kind="decision"))
    assert {entry.fields["dataset"] for entry in answer.entries} == {"port.other"}


def test_a_damaged_shard_is_made_anew(tmp_path: Path) -> None:
    lines = filled(tmp_path / "log")
    refresh(tmp_path / "log", tmp_path / "index")
    (shard,) = (tmp_path / "index").glob("*.parquet")
    shard.write_bytes(shard.read_bytes()[:-9])
    assert refresh(tmp_path / "log", tmp_path / "index") == len(lines)
    assert places(tmp_path / "index") == list(range(len(lines)))


def test_what_retention_removed_leaves_the_index_too(tmp_path: Path) -> None:
    lines = [line(place, moment(place), "log", subject="s") for place in range(40)]
    log = written(tmp_path / "log", lines, each=5, segments=4)
    refresh(log, tmp_path / "index")
    first, *rest = Layout(log).segments()
    first.unlink()
    assert refresh(log, tmp_path / "index") == 40
    assert places(tmp_path / "index") == list(range(int(rest[0].stem), 40))


def test_an_index_that_claims_what_records_do_not_say_adds_no_hit(tmp_path: Path) -> None:
    filled(tmp_path / "log")
    refresh(tmp_path / "log", tmp_path / "index")
    altered(tmp_path / "index", "dataset", "port.secret")
    assert search(tmp_path / "log", tmp_path / "index", Question(dataset="port.secret")).entries == ()
    assert len(search(tmp_path / "log", tmp_path / "index", Question(dataset="port.flights")).entries) == 12


def test_an_index_that_points_elsewhere_still_shows_the_record_itself(tmp_path: Path) -> None:
    filled(tmp_path / "log")
    refresh(tmp_path / "log", tmp_path / "index")
    altered(tmp_path / "index", "_at", 3)
    answer = search(tmp_path / "log", tmp_path / "index", Question(id=f"{5:032x}"))
    assert [entry.index for entry in answer.entries] == [6]


def test_an_index_that_came_from_elsewhere_hides_nothing_from_a_proven_search(tmp_path: Path) -> None:
    filled(tmp_path / "log")
    refresh(tmp_path / "log", tmp_path / "index")
    altered(tmp_path / "index", "dataset", "port.hidden")
    question = Question(dataset="port.flights")
    hidden = search(tmp_path / "log", tmp_path / "index", question)
    assert (len(hidden.entries), hidden.proven) == (0, 0)
    proven = search(tmp_path / "log", tmp_path / "index", question, signed=signed(tmp_path / "log"))
    assert (len(proven.entries), proven.proven) == (12, 14)


def test_an_altered_record_is_refused_not_shown(tmp_path: Path) -> None:
    filled(tmp_path / "log")
    (segment,) = Layout(tmp_path / "log").segments()
    segment.write_bytes(segment.read_bytes().replace(b'"id":"' + f"{5:032x}".encode(), b'"id":"' + b"e" * 32))
    with pytest.raises(LogCorrupt, match="record 6 is not the one in the tree"):
        search(tmp_path / "log", tmp_path / "index", Question(id="e" * 32))


def test_a_proven_search_reads_every_record(tmp_path: Path) -> None:
    filled(tmp_path / "log")
    (segment,) = Layout(tmp_path / "log").segments()
    segment.write_bytes(segment.read_bytes().replace(b'"id":"' + f"{5:032x}".encode(), b'"id":"' + b"e" * 32))
    with pytest.raises(LogCorrupt, match="record 6 is not the one in the tree"):
        search(tmp_path / "log", tmp_path / "index", Question(id="f" * 32), signed=signed(tmp_path / "log"))


def test_a_tree_that_was_not_signed_proves_nothing(tmp_path: Path) -> None:
    filled(tmp_path / "log")
    checkpoint = signed(tmp_path / "log")
    leaves = Layout(tmp_path / "log").leaves
    leaves.write_bytes(bytes(32) + leaves.read_bytes()[32:])
    with pytest.raises(LogCorrupt, match="not the one that was signed"):
        search(tmp_path / "log", tmp_path / "index", Question(), signed=checkpoint)


def test_a_log_cut_short_cannot_be_proven_complete(tmp_path: Path) -> None:
    log = written(tmp_path / "log", [line(at, moment(at), "log", subject="s") for at in range(40)], each=5)
    Layout(log).segments()[-1].unlink()
    with pytest.raises(LogCorrupt, match="records 20 to 39 were signed and are not here"):
        search(log, tmp_path / "index", Question(), signed=signed(log))


def test_a_folder_name_is_never_a_pattern(tmp_path: Path) -> None:
    lines = filled(tmp_path / "lo[g]*'?")
    index = tmp_path / "in[d]ex*'?"
    assert refresh(tmp_path / "lo[g]*'?", index) == len(lines)
    assert len(places(index)) == len(lines)


def test_no_file_beyond_the_index_can_be_read_through_it(tmp_path: Path) -> None:
    filled(tmp_path / "log")
    refresh(tmp_path / "log", tmp_path / "index")
    shutil.copy(next((tmp_path / "index").glob("*.parquet")), tmp_path / "other.parquet")
    with (
        opened(tmp_path / "index") as connection,
        pytest.raises(Exception, match="disabled by configuration"),
    ):
        connection.execute("SELECT * FROM read_parquet(?)", [str(tmp_path / "other.parquet")])


def test_no_log_no_index(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no audit log"):
        refresh(tmp_path / "nowhere", tmp_path / "index")


def test_it_knows_where_each_line_stands(tmp_path: Path) -> None:
    lines = [line(place, moment(place), "log", subject="尾" * (place % 3)) for place in range(40)]
    log = written(tmp_path / "log", lines, each=5, segments=3)
    refresh(log, tmp_path / "index")
    with opened(tmp_path / "index") as connection:
        offsets = [at for (at,) in connection.execute("SELECT _at FROM stored").fetchall()]
    files = [path.read_bytes() for path in Layout(log).segments() for _ in range(15)]
    found = [file[at:].partition(b"\n")[0] for file, at in zip(files, offsets, strict=False)]
    assert found == lines
