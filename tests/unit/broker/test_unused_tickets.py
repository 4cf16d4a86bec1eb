"""Rows of tickets that were never used come back, and never those of one that was (T52, T53)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import small_city
from broker_house import DIGEST, LOCATION, TIMEOUT_S, House, end, fresh_house, start

from exchange.errors import LimitReached, Unavailable
from exchange.model.receipt import Outcome
from exchange.model.subject import Kind, spiffe_id
from exchange.wire import clients
from exchange.wire.asking import Grant
from exchange.wire.clients import Settled

WINDOW = {small_city.OBLIGATIONS: small_city.obligation("windows = [{ rows_max = 100, seconds = 3600 }]\n")}
CONNECTOR = spiffe_id(small_city.TRUST_DOMAIN, "port", Kind.CONNECTOR)
LIFE_S = 60


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with fresh_house(tmp_path, WINDOW) as found:
        yield found


def later(house: House, seconds: float = LIFE_S + 10) -> None:
    house.clock.offset_s += seconds


def vouch(house: House, *, since_s: float = -5000, until_s: float = 0, department: str = "port") -> None:
    """A heartbeat that settles tickets between these moments, told from the broker's now."""
    now_us = house.clock.now_us()
    settled = Settled(since_us=now_us + int(since_s * 1e6), until_us=now_us + int(until_s * 1e6))
    assert clients.heartbeat(house.connector(department), LOCATION, settled, timeout_s=TIMEOUT_S)


def left(house: House) -> int:
    """The rows that one more ticket may deliver; it takes them all."""
    try:
        return house.ticket(house.ask()).obligations.row_limit or 0
    except LimitReached:
        return 0


def tell(house: House, *statements: object) -> None:
    assert set(house.submit(house.actor("port", Kind.CONNECTOR), *statements)) == {""}  # type: ignore[arg-type]


def unknown_end(grant: Grant) -> object:
    update = {
        "outcome": Outcome.ABORTED,
        "reason": "connector-restarted",
        "digest": "",
        "bytes": 0,
        "batches": 0,
    }
    return end(grant, CONNECTOR, rows=0).model_copy(update=update)


def test_a_ticket_that_was_never_used_gives_its_rows_back(house: House) -> None:
    assert [left(house), left(house)] == [100, 0]
    later(house)
    assert left(house) == 0

    vouch(house)
    assert left(house) == 100


def test_without_the_connectors_word_nothing_comes_back(house: House) -> None:
    assert left(house) == 100
    later(house)
    assert clients.heartbeat(house.connector(), LOCATION, timeout_s=TIMEOUT_S)
    assert left(house) == 0


def test_a_used_ticket_stays_spent_until_its_end(house: House) -> None:
    grant = house.ask()
    later(house)
    tell(house, start(grant, CONNECTOR))
    vouch(house)
    assert left(house) == 0

    tell(house, end(grant, CONNECTOR, rows=30))
    assert left(house) == 70


def test_a_ticket_that_has_not_expired_by_the_brokers_clock_stays_spent_whatever_is_claimed(
    house: House,
) -> None:
    assert left(house) == 100
    vouch(house, until_s=10_000)
    assert left(house) == 0
    later(house, LIFE_S + 2)
    vouch(house, until_s=10_000)
    assert left(house) == 0


def test_a_ticket_beyond_the_word_stays_spent(house: House) -> None:
    assert left(house) == 100
    later(house)
    vouch(house, until_s=-15)
    assert left(house) == 0
    vouch(house, since_s=-5)
    assert left(house) == 0


@pytest.mark.parametrize(("since_s", "until_s"), [(10, -10), (-(10**10), 0), (10**10, 10**11)])
def test_a_senseless_word_frees_nothing_and_the_connector_lives_on(
    house: House, since_s: float, until_s: float
) -> None:
    assert left(house) == 100
    later(house)
    vouch(house, since_s=since_s, until_s=until_s)
    assert left(house) == 0


def test_one_department_cannot_vouch_for_anothers_tickets(house: House) -> None:
    assert left(house) == 100
    later(house)
    other = small_city.FLIGHTS.model_copy(update={"id": "weather.other"})
    house.register(other, department="weather")
    vouch(house, department="weather")
    assert left(house) == 0


def test_a_start_that_comes_after_all_spends_the_rows_again(house: House) -> None:
    grant = house.ask()
    later(house)
    vouch(house)
    tell(house, start(grant, CONNECTOR))
    assert left(house) == 0
    tell(house, end(grant, CONNECTOR, rows=60))
    assert left(house) == 40


def test_an_end_that_nobody_could_count_leaves_the_rows_spent(house: House) -> None:
    grant = house.ask()
    later(house)
    tell(house, start(grant, CONNECTOR), unknown_end(grant))
    vouch(house)
    assert left(house) == 0


def test_an_uncounted_end_without_its_start_leaves_the_rows_spent(house: House) -> None:
    grant = house.ask()
    later(house)
    tell(house, unknown_end(grant))
    vouch(house)
    assert left(house) == 0


def test_a_failed_stream_counts_for_what_was_handed_over(house: House) -> None:
    grant = house.ask()
    failed = end(grant, CONNECTOR, rows=7).model_copy(update={"outcome": Outcome.FAILED, "digest": DIGEST})
    tell(house, start(grant, CONNECTOR), failed)
    assert left(house) == 93


def test_what_came_back_and_what_did_not_is_the_same_after_a_restart(house: House) -> None:
    assert left(house) == 100
    later(house)
    vouch(house)
    grant = house.ask()
    tell(house, start(grant, CONNECTOR))
    house.restart()
    later(house)
    vouch(house)
    assert left(house) == 0
    tell(house, end(grant, CONNECTOR, rows=1))
    house.restart()
    assert left(house) == 99


def test_a_lost_heartbeat_costs_nothing_but_time(house: House) -> None:
    assert left(house) == 100
    later(house, 1000)
    vouch(house)
    vouch(house, until_s=-500)
    assert left(house) == 100


def test_an_acknowledged_start_that_the_database_could_not_note_keeps_its_rows(house: House) -> None:
    grant = house.ask()
    house.running._parts.store._connection.execute("PRAGMA busy_timeout=50")
    blocker = sqlite3.connect(house.settings.state / "broker.sqlite", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable):
        tell(house, start(grant, CONNECTOR))
    # sent again, it is known to the log and therefore acknowledged
    tell(house, start(grant, CONNECTOR))
    later(house)
    vouch(house)
    blocker.execute("ROLLBACK")
    blocker.close()
    vouch(house)
    assert left(house) == 0


def test_many_tickets_come_back_while_others_are_asked_for(tmp_path: Path) -> None:
    windows = "windows = [{ rows_max = 100, seconds = 3600 }]\nrow_limit = 10\n"
    policy = {small_city.OBLIGATIONS: small_city.obligation(windows)}
    with fresh_house(tmp_path, policy) as house:
        assert sum(left(house) for _ in range(12)) == 100
        later(house)
        with ThreadPoolExecutor(6) as pool:
            vouched = [pool.submit(vouch, house) for _ in range(4)]
            taken = sum(pool.map(lambda _: left(house), range(20)))
            for one in vouched:
                one.result()
        taken += sum(left(house) for _ in range(12))
        assert taken == 100
