"""The connector's memory: what was answered is still known after any crash."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tickets_made import ISSUED_AT, TICKET

from exchange.connector.records import journal as journal_module
from exchange.connector.records.journal import Journal
from exchange.errors import ConfigError, TicketRefused, Unavailable
from exchange.model.receipt import Receipt
from exchange.model.ticket import CLOCK_LEEWAY_S, STREAM_LIFETIME_S_MAX, Ticket

END_OF_MEMORY_S = 60 + CLOCK_LEEWAY_S + STREAM_LIFETIME_S_MAX


class FixedClock:
    def __init__(self) -> None:
        self.now_s = ISSUED_AT

    def now_us(self) -> int:
        return self.now_s * 1_000_000

    def monotonic_s(self) -> float:
        return float(self.now_s)


def receipt(text: str) -> Receipt:
    return Receipt(statement=text, signature="00", certificate="00")


def other(number: int) -> Ticket:
    return TICKET.model_copy(update={"id": f"{number:032x}"})


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def journal(tmp_path: Path, clock: FixedClock) -> Iterator[Journal]:
    opened = Journal(tmp_path, clock, locked_s_max=0.2)
    yield opened
    opened.close()


def outbox(journal: Journal) -> list[str]:
    return [found.statement for _, found in journal.pending(100)]


def test_a_ticket_is_admitted_once(journal: Journal) -> None:
    journal.admit(TICKET, receipt("start"))

    with pytest.raises(TicketRefused) as refused:
        journal.admit(TICKET, receipt("again"))
    assert refused.value.stable_reason == "ticket-used"
    assert outbox(journal) == ["start"]


def test_fifty_at_once_admit_one(journal: Journal) -> None:
    def attempt(number: int) -> bool:
        try:
            journal.admit(TICKET, receipt(str(number)))
        except TicketRefused:
            return False
        return True

    with ThreadPoolExecutor(50) as pool:
        assert sum(pool.map(attempt, range(50))) == 1
    assert len(outbox(journal)) == 1


def test_two_processes_on_one_journal_admit_one(journal: Journal, tmp_path: Path, clock: FixedClock) -> None:
    successor = Journal(tmp_path, clock)
    journal.admit(TICKET, receipt("start"))

    with pytest.raises(TicketRefused):
        successor.admit(TICKET, receipt("again"))
    successor.close()


def test_a_used_ticket_is_remembered_after_reopening(tmp_path: Path, clock: FixedClock) -> None:
    first = Journal(tmp_path, clock)
    first.admit(TICKET, receipt("start"))
    first.close()

    second = Journal(tmp_path, clock)
    with pytest.raises(TicketRefused):
        second.admit(TICKET, receipt("again"))
    second.close()


@pytest.mark.parametrize(
    ("later_s", "known"), [(59, True), (END_OF_MEMORY_S, True), (END_OF_MEMORY_S + 1, False)]
)
def test_ids_are_kept_until_no_clock_could_take_them_for_current(
    journal: Journal, clock: FixedClock, later_s: int, *, known: bool
) -> None:
    journal.admit(TICKET, receipt("start"))
    journal.finish(TICKET.id, receipt("end"))
    clock.now_s = ISSUED_AT + later_s
    journal.admit(other(1), receipt("prunes"))

    if known:
        with pytest.raises(TicketRefused):
            journal.admit(TICKET, receipt("again"))
    else:
        journal.admit(TICKET, receipt("again"))


def test_a_stream_ends_once(journal: Journal) -> None:
    journal.admit(TICKET, receipt("start"))

    assert journal.finish(TICKET.id, receipt("end")) is True
    assert journal.finish(TICKET.id, receipt("another end")) is False
    assert outbox(journal) == ["start", "end"]


def test_streams_of_a_dead_process_are_abandoned_those_of_a_living_one_are_not(
    tmp_path: Path, clock: FixedClock
) -> None:
    dead, living = Journal(tmp_path, clock), Journal(tmp_path, clock)
    dead.admit(other(1), receipt("start"))
    living.admit(other(2), receipt("start"))
    dead.close()

    successor = Journal(tmp_path, clock)
    assert successor.abandoned() == ((other(1).id, clock.now_us()),)
    living.close()
    assert {found[0] for found in successor.abandoned()} == {other(1).id, other(2).id}
    successor.close()


def test_statements_leave_only_when_settled_and_refused_ones_are_kept_aside(
    journal: Journal, tmp_path: Path
) -> None:
    for text in ("a", "b", "c"):
        journal.refuse(receipt(text))
    numbers = [seq for seq, _ in journal.pending(100)]
    journal.settle([numbers[0]], [(numbers[1], "receipt-speaker")])

    assert outbox(journal) == ["c"]
    with sqlite3.connect(tmp_path / "journal.db") as db:
        assert db.execute("SELECT reason FROM dead").fetchall() == [("receipt-speaker",)]
    db.close()


def test_refusals_cannot_fill_the_disk_and_tickets_still_start(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "OUTBOX_MAX", 2)
    for text in ("a", "b", "c"):
        journal.refuse(receipt(text))

    with pytest.raises(Unavailable):
        journal.refuse(receipt("d"))
    journal.admit(TICKET, receipt("start"))


def test_keys_are_kept_and_replaced_as_a_whole(tmp_path: Path, clock: FixedClock) -> None:
    first = Journal(tmp_path, clock)
    first.keep_keys({"old": b"1", "both": b"2"})
    first.keep_keys({"both": b"2", "new": b"3"})
    first.close()

    second = Journal(tmp_path, clock)
    assert second.keys() == {"both": b"2", "new": b"3"}
    second.close()


def test_nobody_else_can_read_the_journal(journal: Journal, tmp_path: Path) -> None:
    journal.admit(TICKET, receipt("start"))

    files = [path for path in tmp_path.iterdir() if path.name.startswith("journal.db")]
    assert len(files) >= 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_a_journal_others_can_read_is_refused(tmp_path: Path, clock: FixedClock) -> None:
    Journal(tmp_path, clock).close()
    (tmp_path / "journal.db").chmod(0o644)

    with pytest.raises(ConfigError, match="chmod 600"):
        Journal(tmp_path, clock)


def test_a_file_that_is_no_journal_is_refused_and_left_alone(tmp_path: Path, clock: FixedClock) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"something else entirely, much longer than a header " * 50)
    path.chmod(0o600)
    before = path.read_bytes()

    with pytest.raises(ConfigError, match="never delete it"):
        Journal(tmp_path, clock)
    assert path.read_bytes() == before


def test_a_closed_journal_admits_nothing(journal: Journal) -> None:
    journal.close()

    with pytest.raises(Unavailable):
        journal.admit(TICKET, receipt("start"))
