"""T9: one department acting in the name of another."""

from __future__ import annotations

from pathlib import Path

import pytest
import small_city
from broker_house import fresh_house, received

from exchange.errors import RequestInvalid
from exchange.model.subject import Kind


def test_t09_connector_registers_its_own_datasets_only(tmp_path: Path) -> None:
    with fresh_house(tmp_path) as house:
        with pytest.raises(RequestInvalid) as caught:
            house.register(small_city.FLIGHTS, department="weather", location="127.0.0.1:6666")
        (record,) = house.records("registration", outcome="refused")
        assert (record["id"], record["department"]) == (caught.value.id, "weather")
        assert house.ask().offers[0].location != "127.0.0.1:6666"


def test_t09_receipt_in_anothers_name_is_refused_and_recorded(tmp_path: Path) -> None:
    with fresh_house(tmp_path) as house:
        grant = house.ask()
        press = house.actor("press", name="desk")
        assert house.submit(press, received(grant)) == ("receipt-speaker",)
        own = received(grant, consumer="spiffe://press.zhongshui.example/system/desk")
        assert house.submit(press, own) == ("ticket-unknown",)
        assert house.records("received") == []
        assert len(house.records("administration", outcome="refused")) == 2


def test_t09_steward_publishes_his_own_department_only(tmp_path: Path) -> None:
    with fresh_house(tmp_path) as house:
        steward = house.actor("press", Kind.STEWARD, "li")
        grants = {"grants.csv": b"p, department:press, port.flights, read, emergency-response, allow\n"}
        with pytest.raises(RequestInvalid) as caught:
            house.publish(steward, grants, department="port")
        assert caught.value.stable_reason == "receipt-mismatch"
        (record,) = house.records("publication", outcome="refused")
        assert record["id"] == caught.value.id
        assert house.running._parts.history.revision().revision == 1
