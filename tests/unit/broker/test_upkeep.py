"""What is older than every window and stream goes, a bounded step at a time; nothing younger does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from exchange.broker.state import upkeep
from exchange.broker.state.issued import IssuedTicket, IssuedTickets
from exchange.broker.state.statements import StatementIndex, Told
from exchange.broker.state.store import Store
from exchange.broker.state.upkeep import KEEP_US, Upkeep
from exchange.model.obligation import WINDOW_S_MAX, ColumnRule, Obligations, RateWindow
from exchange.model.receipt import Start

NOW_US = 10 * KEEP_US
SUBJECT, DATASET = "spiffe://emergency.example/system/dispatch", "port.flights"
LONGEST = Obligations(
    columns=(ColumnRule(name="a"),), row_limit=1, windows=(RateWindow(rows_max=10, seconds=WINDOW_S_MAX),)
)


class Tables:
    def __init__(self, path: Path) -> None:
        self.store = Store(path)
        self.index = StatementIndex(self.store)
        self.issued = IssuedTickets(self.store)
        self.upkeep = Upkeep(self.store, self.index)

    def issue(self, number: int, issued_us: int) -> Obligations | None:
        name = f"{number:032x}"
        ticket = IssuedTicket(name, SUBJECT, "port", DATASET, issued_us, issued_us + 60_000_000, "0" * 32)
        return self.issued.reserve(ticket, LONGEST)

    def tell(self, number: int, at_us: int) -> None:
        name = f"{number:032x}"
        start = Start(ticket=name, connector="c", subject=SUBJECT, dataset=DATASET, at_us=at_us)
        self.index.add([(start, Told(f"start:{name}", "d", number, at_us))], ())

    def counts(self) -> tuple[int, int]:
        query = "SELECT (SELECT count(*) FROM ticket), (SELECT count(*) FROM statement)"
        tickets, statements = self.store.read(lambda found: found.execute(query).fetchone())
        return tickets, statements


@pytest.fixture
def tables(tmp_path: Path) -> Iterator[Tables]:
    found = Tables(tmp_path / "broker.sqlite")
    yield found
    found.store.close()


def test_only_what_is_too_old_for_every_window_goes(tables: Tables) -> None:
    for number, age_us in enumerate([KEEP_US + 1, KEEP_US, KEEP_US - 1, 0]):
        tables.issue(number, NOW_US - age_us)
        tables.tell(number, NOW_US - age_us)
    for _ in range(3):
        tables.upkeep.settled("port", 0, NOW_US)
    assert tables.counts() == (3, 3)


def test_a_step_is_bounded_and_statements_go_after_their_tickets(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "STEP_MAX", 2)
    for number in range(3):
        tables.issue(number, number)
        tables.tell(number, number)
    seen = []
    for _ in range(5):
        seen.append(tables.counts())
        tables.upkeep.settled("port", 0, NOW_US)
    assert seen == [(3, 3), (1, 3), (0, 3), (0, 1), (0, 0)]


def test_the_longest_window_counts_the_same_before_and_after(tables: Tables) -> None:
    for number in range(10):
        assert tables.issue(number, NOW_US - WINDOW_S_MAX * 1_000_000 + 1 + number) is not None
        tables.tell(number, NOW_US)
    tables.upkeep.settled("port", 0, NOW_US)
    assert tables.issue(10, NOW_US) is None
    assert tables.issue(11, NOW_US + 1) is not None


def test_all_unused_tickets_come_back_however_many(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "STEP_MAX", 3)
    for number in range(10):
        assert tables.issue(number, NOW_US - 100_000_000) is not None
    assert tables.issue(10, NOW_US) is None
    tables.upkeep.settled("port", 0, NOW_US)
    assert [tables.issue(number, NOW_US) is None for number in range(20, 31)] == [False] * 10 + [True]
