"""Which tickets a connector calls settled: none that it used unreported, none that it might yet use."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tickets_made import ISSUED_AT, TICKET

from exchange.connector.records.journal import Journal
from exchange.errors import TicketRefused
from exchange.model.receipt import Receipt
from exchange.model.ticket import CLOCK_LEEWAY_S, Ticket

BORN_US = ISSUED_AT * 1_000_000
LIFE_S = 60


class FixedClock:
    def __init__(self) -> None:
        self.now_s = ISSUED_AT

    def now_us(self) -> int:
        return self.now_s * 1_000_000

    def monotonic_s(self) -> float:
        return float(self.now_s)


def ticket(number: int, issued_s: int = ISSUED_AT) -> Ticket:
    times = {"issued_at": issued_s, "expires_at": issued_s + LIFE_S, "stream_until": issued_s + 600}
    return TICKET.model_copy(update={"id": f"{number:032x}", **times})


def receipt(text: str) -> Receipt:
    return Receipt(statement=text, signature="00", certificate="00")


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def journal(tmp_path: Path, clock: FixedClock) -> Iterator[Journal]:
    opened = Journal(tmp_path, clock, locked_s_max=0.2)
    # the broker is heard for the first time
    opened.settlement(BORN_US)
    yield opened
    opened.close()


def until(journal: Journal, broker_s: int) -> int:
    return journal.settlement(broker_s * 1_000_000).until_s - ISSUED_AT


def report(journal: Journal, refused: str = "") -> None:
    for seq, _ in journal.pending(100):
        journal.settle([] if refused else [seq], [(seq, refused)] if refused else [])


def test_what_both_clocks_hold_for_past_is_settled(journal: Journal, clock: FixedClock) -> None:
    clock.now_s = ISSUED_AT + 100

    assert until(journal, ISSUED_AT + 90) == 90 - CLOCK_LEEWAY_S
    assert until(journal, ISSUED_AT + 300) == 100 - CLOCK_LEEWAY_S


def test_nothing_is_said_of_tickets_from_before_the_broker_was_first_heard(
    journal: Journal, clock: FixedClock
) -> None:
    clock.now_s = ISSUED_AT + 100

    assert journal.settlement((ISSUED_AT + 100) * 1_000_000).since_us == BORN_US


def test_a_used_ticket_is_settled_once_its_start_is_acknowledged(journal: Journal, clock: FixedClock) -> None:
    journal.admit(ticket(1), receipt("start"))
    clock.now_s = ISSUED_AT + 300

    assert until(journal, ISSUED_AT + 300) == LIFE_S
    report(journal)
    assert until(journal, ISSUED_AT + 300) == 300 - CLOCK_LEEWAY_S


def test_a_start_the_broker_refuses_is_never_settled(journal: Journal, clock: FixedClock) -> None:
    journal.admit(ticket(1), receipt("start"))
    report(journal, refused="receipt-speaker")
    clock.now_s = ISSUED_AT + 300

    assert until(journal, ISSUED_AT + 300) == LIFE_S


def test_a_start_of_a_ticket_the_broker_does_not_know_holds_nothing_up(
    journal: Journal, clock: FixedClock
) -> None:
    journal.admit(ticket(1), receipt("start"))
    report(journal, refused="ticket-unknown")
    clock.now_s = ISSUED_AT + 300

    assert until(journal, ISSUED_AT + 300) == 300 - CLOCK_LEEWAY_S


def test_a_settled_ticket_is_never_admitted_not_even_by_a_clock_that_was_set_back(
    tmp_path: Path, journal: Journal, clock: FixedClock
) -> None:
    clock.now_s = ISSUED_AT + 300
    until(journal, ISSUED_AT + 300)
    journal.close()

    clock.now_s = ISSUED_AT
    reopened = Journal(tmp_path, clock, locked_s_max=0.2)
    with pytest.raises(TicketRefused) as caught:
        reopened.admit(ticket(1), receipt("start"))
    assert caught.value.stable_reason == "ticket-expired"
    reopened.admit(ticket(2, ISSUED_AT + 299), receipt("start"))
    assert until(reopened, ISSUED_AT) == 300 - CLOCK_LEEWAY_S
    reopened.close()


def test_a_clock_far_ahead_does_not_shut_out_tickets_that_the_broker_holds_for_valid(
    journal: Journal, clock: FixedClock
) -> None:
    clock.now_s = ISSUED_AT + 10**8
    until(journal, ISSUED_AT)

    clock.now_s = ISSUED_AT
    journal.admit(ticket(1), receipt("start"))


def test_admissions_that_race_with_the_word_are_on_one_side_of_it(
    journal: Journal, clock: FixedClock
) -> None:
    clock.now_s = ISSUED_AT + LIFE_S + CLOCK_LEEWAY_S + 20
    words: list[int] = []

    def use(number: int) -> int | None:
        if number % 3 == 0:
            words.append(until(journal, ISSUED_AT + LIFE_S + CLOCK_LEEWAY_S + number // 4))
        try:
            journal.admit(ticket(number, ISSUED_AT + number % 20), receipt("start"))
        except TicketRefused:
            return None
        return number % 20 + LIFE_S

    with ThreadPoolExecutor(8) as pool:
        used = [expiry for expiry in pool.map(use, range(60)) if expiry is not None]
    # nothing was reported, so no word may ever cover a used ticket
    assert used
    assert max(words) <= min(used)
    assert until(journal, ISSUED_AT + 10**6) <= min(used)
