"""T66: readers that stall by the dozen are capped for their subject; others are served meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import grpc
import pytest
from connector_house import House, MemorySource, Reading, begin, open_house, read

from exchange.errors import LimitReached
from exchange.model.obligation import ColumnRule, Obligations
from exchange.model.subject import Kind, spiffe_id
from exchange.wire import flight

DOMAIN = "zhongshui.example"
PRESS = spiffe_id(DOMAIN, "press", Kind.SYSTEM, "desk")
ENDLESS = 1_000_000_000


def test_t66_stalled_readers_are_capped_and_others_served(tmp_path: Path) -> None:
    source = MemorySource(ENDLESS, batch_rows=50_000)
    limits = {"streams_max": 6, "streams_per_subject_max": 4}
    with open_house(tmp_path, source=source, **limits) as house:
        with house.channel(house.dispatch()) as line:
            stalled = [_stall(begin(line, house.token())) for _ in range(4)]
            beyond = [read(line, house.token()) for _ in range(8)]

            assert all(got.raw == [] and isinstance(got.error, LimitReached) for got in beyond)
            assert house.said().count(("refusal", "limit-reached")) == 8
            got = _read_as_press(house)
            assert (got.error, got.rows) == (None, 10)
            for call in stalled:
                call.cancel()
        house.until(lambda: house.connector._slots.running == 0)


def test_t66_a_refused_presentation_does_not_use_the_ticket_up(tmp_path: Path) -> None:
    source = MemorySource(ENDLESS, batch_rows=50_000)
    with (
        open_house(tmp_path, source=source, streams_per_subject_max=1) as house,
        house.channel(house.dispatch()) as line,
    ):
        running, token = _stall(begin(line, house.token())), house.token()
        assert read(line, token).reason == "limit-reached"

        running.cancel()
        house.until(lambda: house.connector._slots.running == 0)
        source.rows = 10
        assert read(line, token).rows == 10


def test_t66_calls_that_send_no_request_are_capped_and_cut_off_too(tmp_path: Path) -> None:
    limits = {"streams_max": 6, "streams_per_subject_max": 4, "stall_s": 0.5}
    with open_house(tmp_path, **limits) as house:
        silent = Event()

        def nothing() -> Iterator[bytes]:
            silent.wait()
            yield b""

        with house.channel(house.dispatch()) as line:
            calls = [line.stream_stream(flight.path("DoGet"))(nothing()) for _ in range(30)]
            got = _read_as_press(house)
            assert (got.error, got.rows) == (None, 10)

            for call in calls:
                with pytest.raises(grpc.RpcError):
                    next(call)
            silent.set()
        house.until(lambda: len(house.said()) == 30 + 2)
        refused = {why for kind, why in house.said() if kind == "refusal"}
        assert refused == {"limit-reached", "request-missing"}
        house.until(lambda: house.connector._slots.running == 0)


def test_t66_a_department_cannot_take_every_stream_by_naming_more_systems(tmp_path: Path) -> None:
    source = MemorySource(ENDLESS, batch_rows=50_000)
    limits = {"streams_max": 8, "streams_per_subject_max": 2}
    with open_house(tmp_path, source=source, **limits) as house:
        lines, calls = [], []
        for number in range(5):
            line = house.channel(house.someone("emergency", Kind.SYSTEM, f"alias-{number}"))
            subject = spiffe_id(DOMAIN, "emergency", Kind.SYSTEM, f"alias-{number}")
            lines.append(line)
            calls += [begin(line, house.token(subject=subject)) for _ in range(2)]
            if number < 3:
                _stall(calls[-2])
                _stall(calls[-1])
        house.until(lambda: house.said().count(("refusal", "limit-reached")) == 4)
        got = _read_as_press(house)
        assert (got.error, got.rows) == (None, 10)
        for call in calls:
            call.cancel()
        for line in lines:
            line.close()
        house.until(lambda: house.connector._slots.running == 0)


@pytest.mark.parametrize("method", ["Check", "Watch"])
def test_t66_whoever_asks_for_health_holds_nothing(tmp_path: Path, method: str) -> None:
    with open_house(tmp_path, streams_max=2) as house:
        silent = Event()

        def nothing() -> Iterator[bytes]:
            silent.wait()
            yield b""

        with house.channel(house.dispatch()) as line:
            calls = [line.stream_stream(f"/grpc.health.v1.Health/{method}")(nothing()) for _ in range(100)]
            got = _read_as_press(house)
            assert (got.error, got.rows) == (None, 10)
            for call in calls:
                call.cancel()
        silent.set()


@pytest.mark.parametrize("verb", ["GetFlightInfo", "DoAction", "DoPut"])
def test_t66_a_refused_verb_is_refused_without_waiting_for_its_request(tmp_path: Path, verb: str) -> None:
    with open_house(tmp_path) as house, house.channel(house.dispatch()) as line:
        silent = Event()

        def nothing() -> Iterator[bytes]:
            silent.wait()
            yield b""

        with pytest.raises(grpc.RpcError) as failed:
            next(line.stream_stream(flight.path(verb))(nothing(), timeout=20))
        silent.set()
        assert failed.value.code() is grpc.StatusCode.PERMISSION_DENIED


def _stall(call: Any) -> Any:
    next(call)
    next(call)
    return call


def _read_as_press(house: House) -> Reading:
    obligations = Obligations(columns=(ColumnRule(name="origin"),), row_limit=10)
    with house.channel(house.someone("press", Kind.SYSTEM, "desk")) as line:
        return read(line, house.token(subject=PRESS, obligations=obligations))
