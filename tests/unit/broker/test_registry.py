"""Registrations: a department's own datasets, recorded when they change, silent when nobody calls."""

from __future__ import annotations

import pytest
import small_city
from broker_house import LOCATION, TIMEOUT_S, House

from exchange.errors import ConnectorUnavailable, RequestInvalid
from exchange.model.dataset import Column, Dataset
from exchange.model.subject import Kind
from exchange.wire import asking, clients

WIDER = Dataset(
    id="port.flights",
    title="flights",
    columns=(*small_city.FLIGHTS.columns, Column(name="gate", type="string")),
)


def test_connector_learns_keys_and_when_it_counts_as_silent(house: House) -> None:
    answer = clients.register(house.connector(), LOCATION, (small_city.FLIGHTS,), timeout_s=TIMEOUT_S)
    assert answer.keys == house.running._parts.keys.ticket_keys
    assert answer.silent_after_s == 15


def test_registration_is_recorded_once_however_often_it_is_repeated(house: House) -> None:
    house.register()
    house.register()
    (record,) = house.records("registration")
    assert (record["dataset"], record["outcome"]) == ("port.flights", "registered")
    assert record["schema_digest"] == small_city.FLIGHTS.schema_digest


def test_changed_schema_is_recorded_and_goes_into_the_next_ticket(house: House) -> None:
    before = house.ticket(house.ask()).schema_digest
    house.register(WIDER)
    assert house.ticket(house.ask()).schema_digest == WIDER.schema_digest != before
    assert [record["outcome"] for record in house.records("registration")] == ["registered", "changed"]


def test_withdrawn_dataset_is_recorded_and_no_longer_served(house: House) -> None:
    house.register(Dataset(id="port.other", title="other", columns=(Column(name="a", type="string"),)))
    outcomes = {record["dataset"]: record["outcome"] for record in house.records("registration")}
    assert outcomes == {"port.flights": "withdrawn", "port.other": "registered"}
    with pytest.raises(ConnectorUnavailable) as caught:
        house.ask()
    assert house.denial(caught.value.id)["reason"] == "dataset-unregistered"


def test_another_location_takes_over(house: House) -> None:
    house.register(location="127.0.0.1:7999")
    assert house.ask().offers[0].location == "127.0.0.1:7999"
    assert clients.heartbeat(house.connector(), LOCATION, timeout_s=TIMEOUT_S) is None


@pytest.mark.parametrize("location", ["", "no port", "host:0", "host:99999", "a/b:1", "host:1\n"])
def test_location_that_is_no_address_is_refused_and_recorded(house: House, location: str) -> None:
    with pytest.raises(RequestInvalid) as caught:
        house.register(location=location)
    (record,) = house.records("registration", outcome="refused")
    assert record["id"] == caught.value.id
    assert house.ask().offers[0].location == LOCATION


def test_silent_connector_is_unavailable_to_who_holds_a_grant(house: House) -> None:
    house.clock.steady_offset_s += 16
    with pytest.raises(ConnectorUnavailable) as caught:
        house.ask()
    record = house.denial(caught.value.id)
    assert (record["reason"], record["state"]) == ("connector-unavailable", "normal")
    assert house.tickets_issued() == 0


def test_heartbeat_keeps_a_connector_serving(house: House) -> None:
    house.clock.steady_offset_s += 14
    beat = clients.heartbeat(house.connector(), LOCATION, timeout_s=TIMEOUT_S)
    assert beat is not None
    house.clock.steady_offset_s += 14
    assert house.ask().ticket


def test_catalogue_tells_serving_from_silent_from_unregistered(house: House) -> None:
    def availability() -> str:
        (entry,), _ = asking.list_datasets(house.dispatch(), timeout_s=TIMEOUT_S)
        return entry.availability

    assert availability() == "serving"
    house.clock.steady_offset_s += 16
    assert availability() == "silent"
    house.register(Dataset(id="port.other", title="other", columns=(Column(name="a", type="string"),)))
    assert availability() == "unregistered"


def test_unregistered_connector_is_asked_to_register(house: House) -> None:
    assert clients.heartbeat(house.connector("weather"), LOCATION, timeout_s=TIMEOUT_S) is None


def test_only_connectors_register(house: House) -> None:
    steward = house.channel(house.actor("port", Kind.STEWARD, "chen"))
    with pytest.raises(Exception, match="not open to you"):
        clients.register(steward, LOCATION, (), timeout_s=TIMEOUT_S)
    assert house.records("administration", reason="call-refused")
