"""What a connector and its broker tell each other: registration, keys, clocks, receipts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest
from certified import DOMAIN, make_city
from connector_house import SIGNER, FakeBroker, House, open_house, read
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from exchange.connector.uplink import worker
from exchange.model.subject import Kind, spiffe_id
from exchange.security.credentials import load_identity
from exchange.security.pki import enrolment
from exchange.security.signing import embedded_certificate, verify_receipt
from exchange.security.tickets import TicketSigner

NEXT = TicketSigner(Ed25519PrivateKey.from_private_bytes(b"\x08" * 32))


@dataclass
class Pair:
    broker: FakeBroker
    house: House

    def read(self, token: bytes) -> tuple[int, str]:
        with self.house.channel(self.house.dispatch()) as line:
            got = read(line, token)
        return got.rows, got.reason

    def next_beat(self) -> None:
        beats = self.broker.beats
        self.house.until(lambda: self.broker.beats >= beats + 2)


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    monkeypatch.setattr(worker, "BACKOFF_S_MAX", 0.2)
    city = make_city(tmp_path)
    with (
        FakeBroker(city, SIGNER).serving() as broker,
        open_house(tmp_path, city=city, broker=broker.address) as house,
    ):
        house.until(lambda: broker.beats > 0)
        yield Pair(broker, house)


def test_it_registers_its_datasets_where_it_serves(pair: Pair) -> None:
    ((location, datasets),) = pair.broker.registered

    assert location == pair.house.connector.location
    assert [dataset.id for dataset in datasets] == ["port.flights"]
    assert [column.name for column in datasets[0].columns] == ["origin", "dep_delay", "secret"]


def test_keys_come_from_the_broker_and_only_those_of_now_count(pair: Pair) -> None:
    assert pair.read(pair.house.token())[1] == ""

    pair.broker.keys = {NEXT.key_id: NEXT.public_key_bytes}
    pair.next_beat()
    assert pair.read(pair.house.token()) == (0, "ticket-key-unknown")
    assert pair.read(NEXT.sign(pair.house.ticket()))[1] == ""


def test_a_broker_that_forgot_is_told_again(pair: Pair) -> None:
    pair.broker.forgot = True
    pair.house.until(lambda: len(pair.broker.registered) == 2)


def test_a_column_added_at_the_source_is_registered_anew(pair: Pair) -> None:
    schema = pair.house.source.table_schema
    pair.house.source.table_schema = schema.append(pa.field("salary", pa.int64()))
    pair.house.until(lambda: len(pair.broker.registered) == 2)

    (_, datasets) = pair.broker.registered[-1]
    assert datasets[0].columns[-1].name == "salary"


def test_f09_a_clock_ten_minutes_off_admits_nothing_until_it_agrees_again(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    pair.broker.ahead_s = 600
    pair.house.until(lambda: pair.house.connector._skew.excessive)
    assert pair.read(pair.house.token()) == (0, "clock-skew")
    assert "ALARM" in caplog.text

    pair.broker.ahead_s = 0
    pair.house.until(lambda: not pair.house.connector._skew.excessive)
    assert pair.read(pair.house.token())[1] == ""


def test_receipts_arrive_in_order_signed_by_the_connector(pair: Pair) -> None:
    pair.read(pair.house.token())
    pair.read(b"nonsense")
    pair.house.until(lambda: len(pair.broker.receipts) == 3)

    said = [verify_receipt(one, embedded_certificate(one)) for one in pair.broker.receipts]
    assert [one.kind for one in said] == ["start", "end", "refusal"]
    assert pair.broker.callers == {spiffe_id(DOMAIN, "port", Kind.CONNECTOR)}
    pair.house.until(lambda: not pair.house.connector._journal.pending(1))


def test_f10_receipts_wait_on_disk_while_the_broker_is_away(pair: Pair) -> None:
    pair.broker.away = True
    assert pair.read(pair.house.token())[1] == ""
    assert pair.house.said() == [("start", ""), ("end", "complete")]

    pair.broker.away = False
    pair.house.until(lambda: len(pair.broker.receipts) == 2)


def test_a_receipt_the_broker_refuses_is_kept_aside_and_holds_up_no_other(pair: Pair) -> None:
    pair.broker.refuse = lambda receipt: "receipt-unknown" if '"kind":"start"' in receipt.statement else ""
    pair.read(pair.house.token())
    pair.house.until(lambda: len(pair.broker.receipts) == 1)

    pair.house.until(lambda: not pair.house.connector._journal.pending(1))
    dead = pair.house.connector._journal._commits.run(
        lambda db: db.execute("SELECT reason FROM dead").fetchall()
    )
    assert dead == [("receipt-unknown",)]


def test_an_impostor_at_the_brokers_address_is_told_nothing_and_hands_in_no_keys(tmp_path: Path) -> None:
    city = make_city(tmp_path)
    impostor = FakeBroker(city, NEXT)
    impostor.tls = city.actor("press", Kind.CONNECTOR, hosts=("127.0.0.1",), at_us=None)
    with (
        impostor.serving() as there,
        open_house(tmp_path, city=city, broker=there.address) as house,
    ):
        house.until(lambda: house.connector._workers[0]._failures >= 2)
        with house.channel(house.dispatch()) as line:
            assert read(line, NEXT.sign(house.ticket())).reason == "ticket-key-unknown"
    assert (impostor.registered, impostor.receipts) == ([], [])


def test_a_renewed_certificate_signs_the_next_statement_without_a_restart(pair: Pair) -> None:
    pair.read(pair.house.token())
    tls = pair.house.settings.tls
    enrolment.renew(pair.house.city.store, tls.roots.parent, time.time_ns() // 1000)
    pair.read(pair.house.token())
    pair.house.until(lambda: len(pair.broker.receipts) == 4)

    certificates = [receipt.certificate for receipt in pair.broker.receipts]
    assert certificates[0] == certificates[1] != certificates[2] == certificates[3]
    assert certificates[2] == load_identity(tls, time.time_ns() // 1000).leaf.public_bytes(Encoding.DER).hex()


def test_certificate_files_that_cannot_be_used_leave_the_last_good_ones_signing(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    chain = pair.house.settings.tls.identity_chain
    good = chain.read_bytes()
    chain.write_text("half a certif")
    assert pair.read(pair.house.token())[1] == ""
    assert "go on signing" in caplog.text

    chain.write_bytes(good)
    pair.house.until(lambda: len(pair.broker.receipts) == 2)


def test_a_heartbeat_says_up_to_when_used_tickets_are_reported(pair: Pair) -> None:
    pair.read(pair.house.token())
    pair.house.until(lambda: not pair.house.connector._journal.pending(1))
    pair.next_beat()
    said = pair.broker.settled
    assert said is not None
    assert said.since_us < time.time_ns() // 1000
    assert 0 < time.time_ns() // 1000 - said.until_us < 60_000_000


def test_a_start_the_broker_has_not_taken_holds_the_word_back(pair: Pair) -> None:
    pair.broker.refuse = lambda _: "not-now"
    ticket = pair.house.ticket()
    pair.read(SIGNER.sign(ticket))
    pair.house.until(lambda: not pair.house.connector._journal.pending(1))
    pair.house.clock.offset_s = pair.broker.ahead_s = 300
    pair.next_beat()
    pair.next_beat()
    said = pair.broker.settled
    assert said is not None
    assert said.until_us == ticket.expires_at * 1_000_000


def test_while_the_clocks_disagree_nothing_is_settled(pair: Pair) -> None:
    pair.broker.ahead_s = 600
    pair.house.until(lambda: pair.house.connector._skew.excessive)
    pair.next_beat()
    assert pair.broker.settled is None
