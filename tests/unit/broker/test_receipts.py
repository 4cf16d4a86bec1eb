"""Step 10: the peer's own statements, matched with their ticket, recorded once, acknowledged when durable."""

from __future__ import annotations

import sqlite3

import pytest
import small_city
from broker_house import House, end, received, start

from exchange.broker.state.catch_up import catch_up
from exchange.model.receipt import Receipt, Refusal
from exchange.model.subject import Kind, spiffe_id
from exchange.security.credentials import TlsSettings

CONNECTOR = spiffe_id(small_city.TRUST_DOMAIN, "port", Kind.CONNECTOR)


@pytest.fixture
def connector(house: House) -> TlsSettings:
    return house.actor("port", Kind.CONNECTOR)


def refusal_of(ticket: str, reason: str = "ticket-replayed") -> Refusal:
    return Refusal(
        ticket=ticket,
        connector=CONNECTOR,
        subject=small_city.DISPATCH,
        call="DoGet",
        reason=reason,
        at_us=1,
    )


def test_both_ends_are_recorded_beside_the_decision(house: House, connector: TlsSettings) -> None:
    grant = house.ask()
    assert house.submit(connector, start(grant, CONNECTOR), end(grant, CONNECTOR)) == ("", "")
    assert house.submit(house.actor("emergency"), received(grant)) == ("",)
    kinds = [record["kind"] for record in house.records(id=grant.id)]
    assert kinds == ["decision", "start", "end", "received"]
    (ended,) = house.records("end")
    assert (ended["subject"], ended["rows"]) == (small_city.DISPATCH, 10)
    assert ended["trace"] == grant.trace_id


def test_certificates_of_signer_and_authority_are_recorded_before_and_only_once(
    house: House, connector: TlsSettings
) -> None:
    grant = house.ask()
    house.submit(connector, start(grant, CONNECTOR))
    house.submit(connector, end(grant, CONNECTOR))
    roles = [record["role"] for record in house.records("certificate")]
    assert roles == ["authority", "signer"]
    (signer,) = house.records("certificate", role="signer")
    (started,) = house.records("start")
    assert started["certificate"] == signer["certificate"]
    assert signer["index"] < started["index"]


def test_sending_again_is_acknowledged_and_never_recorded_twice(house: House, connector: TlsSettings) -> None:
    grant = house.ask()
    signer = house.signer(connector)
    once = signer.sign(end(grant, CONNECTOR))
    assert house.hand_in(connector, once, once) == ("", "")
    again = signer.sign(end(grant, CONNECTOR))
    assert house.hand_in(connector, once, again) == ("", "")
    assert len(house.records("end")) == 1


def test_second_account_that_differs_from_the_first_is_refused_and_recorded(
    house: House, connector: TlsSettings
) -> None:
    grant = house.ask()
    assert house.submit(connector, end(grant, CONNECTOR, rows=10)) == ("",)
    assert house.submit(connector, end(grant, CONNECTOR, rows=3)) == ("receipt-conflict",)
    assert [record["rows"] for record in house.records("end")] == [10]
    assert house.records("administration", reason="receipt-conflict", target=grant.id)


def test_start_for_a_ticket_never_issued_is_refused_and_recorded(
    house: House, connector: TlsSettings, caplog: pytest.LogCaptureFixture
) -> None:
    forged = house.ask().model_copy(update={"id": "f" * 32})
    assert house.submit(connector, start(forged, CONNECTOR)) == ("ticket-unknown",)
    (record,) = house.records("administration", reason="ticket-unknown")
    assert record["target"] == "f" * 32
    assert "never issued" in caplog.text


def test_start_that_names_another_subject_is_refused_and_recorded(
    house: House, connector: TlsSettings
) -> None:
    grant = house.ask()
    other = start(grant, CONNECTOR, subject=small_city.DESK)
    assert house.submit(connector, other) == ("receipt-mismatch",)
    assert house.records("administration", reason="receipt-mismatch")


def test_connector_cannot_speak_for_the_consumer_nor_the_other_way_round(
    house: House, connector: TlsSettings
) -> None:
    grant = house.ask()
    assert house.submit(connector, received(grant, consumer=CONNECTOR)) == ("receipt-kind",)
    consumer = house.actor("emergency")
    assert house.submit(consumer, end(grant, small_city.DISPATCH)) == ("receipt-kind",)
    assert house.records("end") == house.records("received") == []


def test_altered_statement_is_refused_and_recorded(house: House, connector: TlsSettings) -> None:
    grant = house.ask()
    good = house.signer(connector).sign(end(grant, CONNECTOR, rows=10))
    bad = good.model_copy(update={"statement": good.statement.replace('"rows":10', '"rows":11')})
    assert house.hand_in(connector, bad, good) == ("receipt-signature", "")
    assert [record["rows"] for record in house.records("end")] == [10]
    assert house.records("administration", reason="receipt-signature")


def test_garbage_is_refused_and_recorded(house: House, connector: TlsSettings) -> None:
    garbage = Receipt(statement="{}", signature="00", certificate="00")
    assert house.hand_in(connector, garbage) == ("receipt-malformed",)
    assert house.records("administration", reason="receipt-malformed")


def test_refusals_are_recorded_with_and_without_a_ticket(house: House, connector: TlsSettings) -> None:
    grant = house.ask()
    statements = (
        refusal_of(grant.id, "ticket-used"),
        refusal_of(grant.id, "ticket-expired"),
        refusal_of("", "ticket-signature"),
    )
    assert house.submit(connector, *statements) == ("", "", "")
    reasons = [record["reason"] for record in house.records("refusal")]
    assert reasons == ["ticket-used", "ticket-expired", "ticket-signature"]


def test_statement_signed_before_a_renewal_is_taken(house: House, connector: TlsSettings) -> None:
    grant = house.ask()
    before = house.signer(connector).sign(end(grant, CONNECTOR))
    renewed = house.city.actor("port", Kind.CONNECTOR, at_us=house.clock.now_us() - 1_000_000)
    assert house.hand_in(renewed, before) == ("",)
    assert len(house.records("end")) == 1


def test_too_many_receipts_at_once_are_refused_whole(house: House, connector: TlsSettings) -> None:
    garbage = Receipt(statement="", signature="", certificate="")
    with pytest.raises(Exception, match="at most 1000"):
        house.hand_in(connector, *[garbage] * 1001)
    assert house.records("administration", reason="request-invalid")


def test_database_behind_the_log_catches_up_so_that_nothing_is_recorded_twice(
    house: House, connector: TlsSettings
) -> None:
    grant = house.ask()
    statement = end(grant, CONNECTOR)
    assert house.submit(connector, statement) == ("",)
    house.stop()
    with sqlite3.connect(house.settings.state / "broker.sqlite") as database:
        # as after a kill between the log's sync and the database's
        for table in ("statement", "certificate", "counter"):
            database.execute(f"DELETE FROM {table}")
    database.close()
    house.start()
    assert house.submit(connector, statement) == ("",)
    assert len(house.records("end")) == 1
    assert len(house.records("certificate")) == 2


def test_clean_stop_leaves_nothing_to_catch_up_but_the_logs_own_records(house: House) -> None:
    for _ in range(5):
        house.ask()
    house.restart()
    parts = house.running._parts
    assert catch_up(parts.store, parts.log) == 0
