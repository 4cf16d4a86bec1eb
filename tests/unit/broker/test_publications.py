"""Publishing: the steward's own files, signed, whole, persisted and recorded before they take effect."""

from __future__ import annotations

import sqlite3

import pytest
import small_city
from broker_house import House, port_files

from exchange.errors import AccessRefused, PolicyInvalid, RequestInvalid
from exchange.model.subject import Kind
from exchange.security.credentials import TlsSettings

ONLY_LATE = small_city.obligation('rows = "delay > 60"')


@pytest.fixture
def steward(house: House) -> TlsSettings:
    return house.actor("port", Kind.STEWARD, "chen")


def revision_of(house: House) -> int:
    return house.ticket(house.ask()).revision


def test_next_request_stands_on_the_published_revision(house: House, steward: TlsSettings) -> None:
    assert revision_of(house) == 1
    number, digest = house.publish(steward, port_files(obligations=ONLY_LATE))
    assert number == 2
    ticket = house.ticket(house.ask())
    assert ticket.revision == 2
    assert ticket.obligations.row_filter is not None
    (record,) = house.records("publication", outcome="published", revision=2)
    assert (record["previous"], record["bundle"], record["message"]) == (1, digest, "why")
    assert record["subject"].endswith("/steward/chen")
    assert {file["path"] for file in record["files"]} == set(port_files())


def test_what_the_steward_signed_and_his_certificate_stand_in_the_log(
    house: House, steward: TlsSettings
) -> None:
    house.publish(steward, port_files(obligations=ONLY_LATE))
    (record,) = house.records("publication", revision=2)
    (certificate,) = house.records("certificate", role="signer")
    assert record["certificate"] == certificate["certificate"]
    assert '"kind":"publication"' in record["statement"]
    assert certificate["index"] < record["index"]


def test_initial_policies_are_revision_one_on_record(house: House) -> None:
    (record,) = house.records("publication")
    assert (record["revision"], record["previous"], record["outcome"]) == (1, 0, "published")
    assert record["subject"] == "spiffe://city.zhongshui.example/broker"


def test_published_revision_stands_after_a_restart_whatever_lies_in_the_folder(
    house: House, steward: TlsSettings
) -> None:
    house.publish(steward, port_files(obligations=ONLY_LATE))
    (house.settings.policies / "departments/port/grants.csv").write_text("p, nonsense\n")
    house.restart()
    assert revision_of(house) == 2
    assert len(house.records("publication")) == 2


def test_invalid_file_is_refused_with_its_line_recorded_and_the_last_good_serves_on(
    house: House, steward: TlsSettings
) -> None:
    grants = "p, role:first-responder, port.flights, read, emergency-response, alow\n"
    with pytest.raises(PolicyInvalid, match=r"departments/port/grants.csv:1") as caught:
        house.publish(steward, port_files(grants=grants))
    (record,) = house.records("publication", outcome="refused")
    assert (record["id"], record["reason"], record["revision"]) == (caught.value.id, "policy-invalid", 1)
    assert revision_of(house) == 1


def test_signature_over_other_files_is_refused_and_recorded(house: House, steward: TlsSettings) -> None:
    with pytest.raises(RequestInvalid) as caught:
        house.publish(steward, port_files(obligations=ONLY_LATE), signed_files=port_files())
    assert caught.value.stable_reason == "receipt-mismatch"
    assert house.records("publication", outcome="refused", reason="receipt-mismatch")
    assert revision_of(house) == 1


def test_publication_that_overlooks_a_newer_revision_is_refused_and_recorded(
    house: House, steward: TlsSettings
) -> None:
    house.publish(steward, port_files(obligations=ONLY_LATE))
    with pytest.raises(RequestInvalid) as caught:
        house.publish(steward, port_files(), seen=1)
    assert caught.value.stable_reason == "revision-moved"
    assert house.records("publication", outcome="refused", reason="revision-moved")
    assert revision_of(house) == 2


@pytest.mark.parametrize("path", ["../weather/grants.csv", "/etc/passwd", "city.toml", "grants.csv.bak"])
def test_path_outside_the_departments_files_is_refused(house: House, steward: TlsSettings, path: str) -> None:
    with pytest.raises(PolicyInvalid):
        house.publish(steward, {**port_files(), path: b""})
    assert revision_of(house) == 1
    assert len(house.records("publication", outcome="refused")) == 1


def test_a_fault_in_anothers_file_is_not_shown(house: House) -> None:
    weather = house.actor("weather", Kind.STEWARD, "wu")
    grants = f"p, {small_city.OPS}, port.flights, read, stewardship, allow\n".encode()
    with pytest.raises(PolicyInvalid) as caught:
        house.publish(weather, {"grants.csv": grants}, department="weather")
    assert "departments/weather/grants.csv:1" in caught.value.public
    assert "departments/port" not in str(caught.value)


def test_only_stewards_publish(house: House) -> None:
    with pytest.raises(AccessRefused) as caught:
        house.publish(house.actor("port"), port_files())
    assert caught.value.stable_reason == "call-refused"
    assert house.records("administration", id=caught.value.id)


def test_publication_in_the_log_counts_although_the_database_never_noted_it(
    house: House, steward: TlsSettings
) -> None:
    house.publish(steward, port_files(obligations=ONLY_LATE))
    house.stop()
    with sqlite3.connect(house.settings.state / "broker.sqlite") as database:
        database.execute("UPDATE revision SET audit_index = NULL WHERE number = 2")
        database.execute("DELETE FROM counter")
    database.close()
    house.start()
    assert revision_of(house) == 2


def test_prepared_revision_that_never_reached_the_log_does_not_count(house: House) -> None:
    house.stop()
    with sqlite3.connect(house.settings.state / "broker.sqlite") as database:
        database.execute("INSERT INTO revision (number, digest) SELECT 2, 'x'")
    database.close()
    house.start()
    assert revision_of(house) == 1
    number, _ = house.publish(house.actor("port", Kind.STEWARD, "chen"), port_files(obligations=ONLY_LATE))
    assert number == 2
