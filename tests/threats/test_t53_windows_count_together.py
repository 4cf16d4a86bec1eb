"""T52, T53: a quantity limit split over tickets, taken in parallel or across a restart, is spent once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import small_city
from broker_house import House, end, fresh_house

from exchange.errors import LimitReached
from exchange.model.subject import Kind, spiffe_id

WINDOW = {
    small_city.OBLIGATIONS: small_city.obligation(
        "windows = [{ rows_max = 100, seconds = 3600 }]\nrow_limit = 40\n"
    )
}
CONNECTOR = spiffe_id(small_city.TRUST_DOMAIN, "port", Kind.CONNECTOR)


def limit(house: House) -> int | None:
    return house.ticket(house.ask()).obligations.row_limit


def refused(house: House) -> str:
    with pytest.raises(LimitReached) as caught:
        house.ask()
    return str(house.denial(caught.value.id)["reason"])


def test_t53_tickets_are_counted_together_and_the_last_gets_the_rest(tmp_path: Path) -> None:
    with fresh_house(tmp_path, WINDOW) as house:
        assert [limit(house), limit(house), limit(house)] == [40, 40, 20]
        assert refused(house) == "limit-exhausted"
        assert house.tickets_issued() == 3


def test_t53_row_limit_in_the_record_is_the_one_in_the_ticket(tmp_path: Path) -> None:
    with fresh_house(tmp_path, WINDOW) as house:
        grants = [house.ask() for _ in range(3)]
        recorded = [house.records("decision", id=grant.id)[0]["row_limit"] for grant in grants]
        assert recorded == [40, 40, 20]


def test_t53_the_window_slides(tmp_path: Path) -> None:
    with fresh_house(tmp_path, WINDOW) as house:
        assert [limit(house) for _ in range(3)] == [40, 40, 20]
        house.clock.offset_s += 3601
        assert limit(house) == 40


def test_t53_end_gives_back_what_was_not_delivered_once(tmp_path: Path) -> None:
    with fresh_house(tmp_path, WINDOW) as house:
        first = house.ask()
        assert [limit(house), limit(house)] == [40, 20]
        connector = house.actor("port", Kind.CONNECTOR)
        assert house.submit(connector, end(first, CONNECTOR, rows=10)) == ("",)
        assert limit(house) == 30
        assert house.submit(connector, end(first, CONNECTOR, rows=10)) == ("",)
        assert refused(house) == "limit-exhausted"


def test_t53_ticket_whose_end_never_comes_stays_spent(tmp_path: Path) -> None:
    with fresh_house(tmp_path, WINDOW) as house:
        assert [limit(house) for _ in range(3)] == [40, 40, 20]
        house.clock.offset_s += 600
        assert refused(house) == "limit-exhausted"


def test_t52_restart_does_not_refill_the_window(tmp_path: Path) -> None:
    with fresh_house(tmp_path, WINDOW) as house:
        assert [limit(house) for _ in range(3)] == [40, 40, 20]
        house.restart()
        assert refused(house) == "limit-exhausted"


def test_t52_parallel_requests_share_what_is_left(tmp_path: Path) -> None:
    def ask(house: House) -> int:
        try:
            return limit(house) or 0
        except LimitReached:
            return 0

    # no more at once than one department has places for
    with fresh_house(tmp_path, WINDOW) as house, ThreadPoolExecutor(6) as pool:
        house.dispatch()
        taken = list(pool.map(lambda _: ask(house), range(16)))
        assert sorted(taken, reverse=True)[:4] == [40, 40, 20, 0]
        assert sum(taken) == 100
        denied = house.records("decision", reason="limit-exhausted")
        assert len(denied) == 13


def test_t53_a_department_that_names_more_systems_gets_no_more_rows(tmp_path: Path) -> None:
    with fresh_house(tmp_path, WINDOW) as house:
        aliases = [house.channel(house.actor("emergency", name=f"alias-{number}")) for number in range(4)]
        assert [house.ticket(house.ask(line)).obligations.row_limit for line in aliases[:3]] == [40, 40, 20]
        with pytest.raises(LimitReached):
            house.ask(aliases[3])
