"""Many readings asked for in few calls: each look uses the answer that was asked for, once."""

from __future__ import annotations

import pytest

from exchange.client.city import City
from exchange.client.reading import Reading
from exchange.errors import AccessRefused, StreamMismatch
from exchange.wire.access import REQUESTS_MAX

from .conftest import World


def read(city: City, columns: tuple[str, ...] = ("origin", "delay")) -> Reading:
    return city.read("port.flights", purpose="emergency-response", columns=columns)


def test_a_look_uses_the_answer_that_was_asked_for(city: City, world: World) -> None:
    reading = read(city)
    city.ask([reading])
    assert world.calls_for_many == len(world.requests) == 1
    assert reading.to_arrow().num_rows == 5
    assert [reading.id] == world.grants
    assert len(world.requests) == 1


def test_a_second_look_asks_for_itself(city: City, world: World) -> None:
    reading = read(city)
    city.ask([reading])
    reading.to_arrow()
    reading.to_arrow()
    assert world.calls_for_many == 1
    assert len(world.requests) == 2
    assert reading.id == world.grants[1]


def test_a_ticket_that_has_expired_is_asked_for_again(city: City, world: World) -> None:
    world.expires_us = 0
    reading = read(city)
    city.ask([reading])
    assert reading.to_arrow().num_rows == 5
    assert reading.id == world.grants[1]


def test_a_refusal_is_raised_where_its_reading_is_looked_at(city: City, world: World) -> None:
    world.access_error = AccessRefused("no", reason="not-granted", id="ab" * 16)
    reading = read(city)
    city.ask([reading])
    with pytest.raises(AccessRefused) as caught:
        reading.to_arrow()
    assert caught.value.id == "ab" * 16
    world.access_error = None
    assert reading.to_arrow().num_rows == 5


def test_a_grant_of_other_columns_than_were_asked_for_is_not_used(city: City) -> None:
    reading = read(city, ("delay",))
    city.ask([reading])
    with pytest.raises(StreamMismatch):
        reading.to_arrow()


def test_more_than_one_call_carries_are_asked_in_several(city: City, world: World) -> None:
    city.ask([read(city) for _ in range(REQUESTS_MAX + 1)])
    assert world.calls_for_many == 2
    assert len(world.requests) == REQUESTS_MAX + 1
