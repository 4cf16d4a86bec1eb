"""F11: with the broker unreachable, even across a restart, valid tickets work until they expire, then not."""

from __future__ import annotations

from pathlib import Path

from certified import make_city
from connector_house import ROWS, SIGNER, FakeBroker, open_house, read


def test_f11_a_restart_without_the_broker_admits_what_is_still_valid(tmp_path: Path) -> None:
    city = make_city(tmp_path)
    with (
        FakeBroker(city, SIGNER).serving() as broker,
        open_house(tmp_path / "port", city=city, broker=broker.address) as house,
    ):
        house.until(lambda: broker.beats > 0)
        tokens = [house.token(), house.token()]

    with (
        open_house(tmp_path / "port", city=city, broker=broker.address) as house,
        house.channel(house.dispatch()) as line,
    ):
        assert read(line, tokens[0]).rows == ROWS

        house.clock.offset_s = 61
        late = read(line, tokens[1])
        assert (late.raw, late.reason) == ([], "ticket-expired")
        assert [kind for kind, _ in house.said()] == ["start", "end", "refusal"]


def test_f11_a_connector_that_never_met_its_broker_admits_nothing(tmp_path: Path) -> None:
    city = make_city(tmp_path)
    with (
        open_house(tmp_path, city=city, broker="127.0.0.1:1") as house,
        house.channel(house.dispatch()) as line,
    ):
        assert read(line, house.token()).reason == "ticket-key-unknown"
