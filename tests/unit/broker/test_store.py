"""The store: durable, shared commits, and one failing work that undoes only itself."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from exchange.broker.state.schema import MIGRATIONS
from exchange.broker.state.store import PUT_OFF_MAX, Store
from exchange.errors import ConfigError, Unavailable

INSERT = "INSERT INTO counter (name, value) VALUES (?, ?)"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = Store(tmp_path / "broker.sqlite", busy_s=0.05)
    yield found
    found.close()


def names(store: Store) -> list[str]:
    query = "SELECT name FROM counter ORDER BY name"
    return [name for (name,) in store.read(lambda connection: connection.execute(query).fetchall())]


def test_every_commit_is_synced(store: Store) -> None:
    def pragma(name: str) -> object:
        return store.read(lambda connection: connection.execute(f"PRAGMA {name}").fetchone()[0])

    assert pragma("journal_mode") == "wal"
    assert pragma("synchronous") == 2


def test_what_is_written_survives_reopening(store: Store, tmp_path: Path) -> None:
    assert store.write(lambda connection: connection.execute(INSERT, ("a", 1)).rowcount) == 1
    other = Store(tmp_path / "broker.sqlite")
    assert names(other) == ["a"]
    other.close()


def test_failing_work_raises_its_own_error_and_leaves_nothing(store: Store) -> None:
    def work(connection: sqlite3.Connection) -> None:
        connection.execute(INSERT, ("half", 1))
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        store.write(work)
    assert names(store) == []


def test_works_that_wait_are_committed_together_and_each_fails_alone(store: Store) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def first(connection: sqlite3.Connection) -> None:
        entered.set()
        assert go_on.wait(10)
        connection.execute(INSERT, ("first", 0))

    def work(number: int) -> str:
        def insert(connection: sqlite3.Connection) -> None:
            connection.execute(INSERT, (f"{number:02}", number))
            if number % 2:
                raise ValueError(number)

        try:
            store.write(insert)
        except ValueError as error:
            return str(error)
        return "kept"

    with ThreadPoolExecutor(12) as pool:
        leader = pool.submit(store.write, first)
        assert entered.wait(10)
        others = [pool.submit(work, number) for number in range(10)]
        while len(store._waiting) < 10:
            entered.wait(0.001)
        go_on.set()
        leader.result(10)
        outcomes = [other.result(10) for other in others]
    assert outcomes == ["kept", "1", "kept", "3", "kept", "5", "kept", "7", "kept", "9"]
    assert names(store) == ["00", "02", "04", "06", "08", "first"]


def test_f06_locked_database_is_unavailable_after_a_bounded_wait(store: Store, tmp_path: Path) -> None:
    blocker = sqlite3.connect(tmp_path / "broker.sqlite", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable) as caught:
        store.write(lambda connection: connection.execute(INSERT, ("a", 1)))
    assert "locked" in caught.value.detail
    assert "sqlite" not in caught.value.public
    blocker.execute("ROLLBACK")
    blocker.close()
    store.write(lambda connection: connection.execute(INSERT, ("a", 1)))
    assert names(store) == ["a"]


def test_what_is_put_off_is_seen_by_whoever_reads_and_stands_before_what_is_written_later(
    store: Store,
) -> None:
    store.later(lambda connection: connection.execute(INSERT, ("a", 1)))
    assert len(store._put_off) == 1
    assert names(store) == ["a"]
    store.later(lambda connection: connection.execute(INSERT, ("b", 1)))
    store.write(lambda connection: connection.execute("DELETE FROM counter WHERE name = 'b'"))
    assert names(store) == ["a"]


def test_what_is_put_off_comes_together_until_it_is_enough(store: Store) -> None:
    for number in range(PUT_OFF_MAX + 1):
        store.later(lambda connection, number=number: connection.execute(INSERT, (f"{number:03}", number)))
    assert len(store._put_off) == 1
    assert len(names(store)) == PUT_OFF_MAX + 1


def test_what_is_put_off_is_written_at_the_end(tmp_path: Path) -> None:
    first = Store(tmp_path / "broker.sqlite")
    first.later(lambda connection: connection.execute(INSERT, ("a", 1)))
    first.close()
    second = Store(tmp_path / "broker.sqlite")
    assert names(second) == ["a"]
    second.close()


def test_f06_what_is_put_off_waits_for_a_locked_database_and_only_so_much_of_it(
    store: Store, tmp_path: Path
) -> None:
    blocker = sqlite3.connect(tmp_path / "broker.sqlite", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    for number in range(PUT_OFF_MAX):
        store.later(lambda connection, number=number: connection.execute(INSERT, (f"{number:03}", number)))
    with pytest.raises(Unavailable):
        store.later(lambda connection: connection.execute(INSERT, ("too many", 1)))
    with pytest.raises(Unavailable):
        names(store)
    with pytest.raises(Unavailable):
        store.write(lambda connection: connection.execute(INSERT, ("neither", 1)))
    blocker.execute("ROLLBACK")
    blocker.close()
    assert names(store) == [f"{number:03}" for number in range(PUT_OFF_MAX)]


def test_what_is_put_off_and_fails_by_itself_is_left_out_and_holds_up_nobody(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    def poison(connection: sqlite3.Connection) -> None:
        connection.execute(INSERT, ("half", 1))
        raise OverflowError("too large for a column")

    store.later(lambda connection: connection.execute(INSERT, ("before", 1)))
    store.later(poison)
    store.later(lambda connection: connection.execute(INSERT, ("after", 1)))
    assert store.write(lambda connection: connection.execute(INSERT, ("written", 1)).rowcount) == 1
    assert names(store) == ["after", "before", "written"]
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [OverflowError]


def test_file_that_is_no_database_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "broker.sqlite").write_text("not a database, and long enough to be looked at" * 100)
    with pytest.raises(ConfigError, match="cannot be used"):
        Store(tmp_path / "broker.sqlite")


def test_database_of_a_newer_program_is_a_configuration_error(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "broker.sqlite") as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    with pytest.raises(ConfigError, match="has version"):
        Store(tmp_path / "broker.sqlite")
