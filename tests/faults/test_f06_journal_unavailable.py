"""F6, F3: while nothing can be recorded, nothing is delivered; it comes back by itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from connector_house import ROWS, House, open_house, read

from exchange.connector.records.journal import Journal
from exchange.errors import Unavailable


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(Journal.__init__, "__kwdefaults__", {"locked_s_max": 0.3})
    with open_house(tmp_path) as found:
        yield found


@contextmanager
def locked(house: House) -> Iterator[None]:
    """Another process writes, and does not finish."""
    with closing(
        sqlite3.connect(house.settings.state / "journal.db", isolation_level=None, check_same_thread=False)
    ) as db:
        db.execute("BEGIN IMMEDIATE")
        yield
        db.execute("ROLLBACK")


@contextmanager
def full(house: House) -> Iterator[None]:
    """No page can be added to the journal."""
    commits = house.connector._journal._commits

    def pages(db: sqlite3.Connection) -> int:
        return int(db.execute("PRAGMA page_count").fetchone()[0])

    count = commits.run(pages)
    filler = commits.run(lambda db: db.execute(f"PRAGMA max_page_count = {count}").fetchone())
    assert filler
    yield
    commits.run(lambda db: db.execute("PRAGMA max_page_count = 1000000").fetchone())


def test_f06_a_locked_journal_means_unavailable_and_no_data(house: House) -> None:
    with house.channel(house.dispatch()) as line:
        token = house.token()
        with locked(house):
            got = read(line, token)
            assert got.raw == []
            assert isinstance(got.error, Unavailable)
            assert got.reason == "journal-unavailable"

        assert house.said() == []
        assert read(line, token).rows == ROWS
        assert house.said() == [("start", ""), ("end", "complete")]


def test_f03_a_full_disk_means_no_data_until_it_is_freed(house: House) -> None:
    with house.channel(house.dispatch()) as line:
        while True:  # what fits into pages that are there already may still start
            token = house.token()
            with full(house):
                got = read(line, token)
            if got.error is not None:
                break
        assert (got.receipt, got.reason) == (None, "journal-unavailable")
        if not got.raw:
            got = read(line, token)
            assert (got.rows, got.error) == (ROWS, None)


def test_f06_an_end_that_cannot_be_recorded_shows_no_trailer_and_is_recorded_later(house: House) -> None:
    hold = locked(house)

    def lock(number: int) -> None:
        if number == 3:
            hold.__enter__()

    house.source.before = lock
    with house.channel(house.dispatch()) as line:
        got = read(line, house.token())
    hold.__exit__(None, None, None)

    assert got.receipt is None
    assert isinstance(got.error, Unavailable)
    house.until(lambda: house.said() == [("start", ""), ("end", "failed")])
    assert house.statements()[-1].rows == got.rows
