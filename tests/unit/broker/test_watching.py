"""An auditor watches a broker's log over the wire: checked on the way, not flooded by the watching."""

from __future__ import annotations

import time

import pytest
from broker_house import TIMEOUT_S, House
from certified import DOMAIN

from exchange.audit.follow import Follower
from exchange.audit.proofs.note import VerifierKey
from exchange.audit.records.entry import Entry
from exchange.client.settings import ClientSettings
from exchange.client.watching import BrokerSource
from exchange.errors import AccessRefused, Unavailable
from exchange.model.subject import CITY, Kind


def source_of(house: House, kind: Kind = Kind.AUDITOR) -> BrokerSource:
    department = CITY if kind is Kind.AUDITOR else "port"
    address = f"127.0.0.1:{house.running.port}"
    settings = ClientSettings(trust_domain=DOMAIN, broker=address, tls=house.actor(department, kind, "qian"))
    return BrokerSource(settings)


def follow(house: House, source: BrokerSource) -> Follower:
    return Follower(source, VerifierKey.parse((house.settings.audit / "public.key").read_text()))


def until(follower: Follower, wanted: str) -> list[Entry]:
    """What comes until a record of this id has come."""
    deadline = time.monotonic() + TIMEOUT_S
    found: list[Entry] = []
    while time.monotonic() < deadline:
        found += follower.news()
        if any(entry.fields.get("id") == wanted for entry in found):
            return found
        time.sleep(0.05)
    raise AssertionError(f"{wanted} never came")


def test_what_happens_is_seen_in_order_and_under_the_signed_root(house: House) -> None:
    source = source_of(house)
    follower = follow(house, source)
    first = follower.size
    accesses = [house.ask().id for _ in range(3)]
    seen = until(follower, accesses[-1])
    assert [entry.index for entry in seen] == list(range(first, first + len(seen)))
    assert [e.fields["id"] for e in seen if e.kind == "decision"] == accesses
    source.close()


def test_a_quiet_watch_adds_one_record_a_look_and_reads_none_of_them(house: House) -> None:
    source = source_of(house)
    follower = follow(house, source)
    until(follower, house.ask().id)
    before = len(house.records("administration", call="exchange.v1.AuditService/ReadEntries"))
    size = house.running._parts.log.size
    for _ in range(10):
        time.sleep(0.05)
        assert list(follower.news()) == []
    assert len(house.records("administration", call="exchange.v1.AuditService/ReadEntries")) == before
    assert house.running._parts.log.size == size + 10
    source.close()


def test_its_own_looks_are_told_apart_from_everything_else(house: House) -> None:
    source = source_of(house)
    follower = follow(house, source)
    until(follower, house.ask().id)
    seen = until(follower, house.ask().id)
    assert {entry.kind for entry in seen if not source.owns(entry)} == {"decision"}
    assert any(map(source.owns, seen))
    source.close()


def test_a_watch_outlives_its_broker_and_goes_on_where_it_was(house: House) -> None:
    source = source_of(house)
    follower = follow(house, source)
    house.ask()
    settings = house.settings.model_copy(update={"listen": f"127.0.0.1:{house.running.port}"})
    house.stop()
    with pytest.raises(Unavailable):
        list(follower.news())
    house.settings = settings
    house.start()
    house.register()
    access = house.ask().id
    deadline = time.monotonic() + TIMEOUT_S
    seen: list[Entry] = []
    while not any(entry.fields.get("id") == access for entry in seen) and time.monotonic() < deadline:
        try:
            seen += follower.news()
        except Unavailable:
            time.sleep(0.1)
    assert {"opened", "closed"} <= {entry.fields.get("event") for entry in seen}
    assert [entry.index for entry in seen] == list(range(seen[0].index, seen[0].index + len(seen)))
    source.close()


def test_nobody_but_an_auditor_watches(house: House) -> None:
    with pytest.raises(AccessRefused):
        Follower(source_of(house, Kind.STEWARD))
