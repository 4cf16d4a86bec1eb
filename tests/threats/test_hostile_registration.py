"""T46, T61: what a hostile connector registers is bounded, and costs only itself."""

from __future__ import annotations

from pathlib import Path

import pytest
import small_city
from broker_house import fresh_house

from exchange.errors import ExchangeError, RequestInvalid
from exchange.model.dataset import TITLE_CHARS_MAX, TYPE_CHARS_MAX, TYPE_DEPTH_MAX
from exchange.v1 import catalogue_pb2 as pb
from exchange.wire import asking
from exchange.wire.arrow import type_of
from exchange.wire.catalogue import dataset_from_wire


def nested(depth: int) -> str:
    return "list<item: " * depth + "int64" + ">" * depth


@pytest.mark.parametrize(
    ("title", "name", "kind"),
    [
        ("t" * (TITLE_CHARS_MAX + 1), "a", "int64"),
        ("t", "a", "x" * (TYPE_CHARS_MAX + 1)),
        ("t", "a", nested(TYPE_DEPTH_MAX + 1)),
        ("t", "a" * 129, "int64"),
        ("t", "a\nb", "int64"),
        ("t", "", "int64"),
    ],
    ids=["title", "type", "depth", "long name", "line break", "no name"],
)
def test_t61_texts_of_a_registration_are_bounded(title: str, name: str, kind: str) -> None:
    column = pb.Column(name=name, type=kind)
    with pytest.raises(RequestInvalid):
        dataset_from_wire(pb.Dataset(id="port.flights", title=title, columns=[column]))


def test_t46_columns_that_look_alike_are_no_registration() -> None:
    columns = [pb.Column(name=name, type="int64") for name in ("salary", "ＳＡＬＡＲＹ")]
    with pytest.raises(RequestInvalid):
        dataset_from_wire(pb.Dataset(id="port.flights", title="t", columns=columns))


def test_t61_a_type_that_is_nested_without_end_is_no_type() -> None:
    assert type_of(nested(5000)) is None
    assert str(type_of(nested(3))) == nested(3)


@pytest.mark.parametrize(
    "location", ["", "nowhere", "127.0.0.1:0", "a/b:1", "x" * 300 + ":1", "h:1\n", "h:99999"]
)
def test_t22_a_location_that_is_no_address_is_refused_on_record(tmp_path: Path, location: str) -> None:
    with fresh_house(tmp_path) as house:
        with pytest.raises(ExchangeError):
            house.register(small_city.FLIGHTS, location=location)
        assert house.records("registration", outcome="refused")
        assert house.ask().offers[0].location != location


def test_t66_a_flood_of_registrations_does_not_keep_others_from_asking(tmp_path: Path) -> None:
    with fresh_house(tmp_path) as house:
        for number in range(30):
            house.register(small_city.FLIGHTS, location=f"127.0.0.1:{7000 + number}")
        assert house.ask().offers[0].location == "127.0.0.1:7029"
        assert len(asking.list_datasets(house.dispatch(), timeout_s=20)[0]) == 1
