"""T66 at the broker: callers who neither send nor take hold threads; others are served all the same."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from broker_house import House, fresh_house, question
from closed_window import closed_window

from exchange.broker.settings import Limits
from exchange.wire import asking

ASK = "/exchange.v1.AccessService/RequestAccess"
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
WORKERS = 8


@contextmanager
def silent(house: House, method: str, count: int) -> Iterator[list[Any]]:
    """So many calls of one department that never send what they announced."""
    hold = threading.Event()

    def nothing() -> Iterator[bytes]:
        hold.wait(60)
        yield from ()

    line = house.channel(house.actor("press", name="desk"))
    calls = [line.stream_stream(method)(nothing(), timeout=60) for _ in range(count)]
    try:
        yield calls
    finally:
        for call in calls:
            call.cancel()
        hold.set()


def until(condition: Any) -> None:
    give_up = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < give_up, "it did not come about"
        time.sleep(0.02)


@pytest.mark.parametrize("method", [ASK, REFLECTION])
def test_t66_silent_callers_of_one_department_leave_threads_to_others(tmp_path: Path, method: str) -> None:
    with (
        fresh_house(tmp_path, limits=Limits(workers=WORKERS)) as house,
        silent(house, method, 4 * WORKERS),
    ):
        patience = house.running._parts.patience
        until(lambda: house.records("administration", reason="limit-reached"))
        assert len(patience._waiting) <= WORKERS
        assert house.ask().ticket
        until(lambda: len(patience._waiting) == patience.silent_max)
        assert house.ask().ticket


def test_t66_a_silent_caller_is_cut_off_and_on_record(tmp_path: Path) -> None:
    with fresh_house(tmp_path) as house, silent(house, ASK, 1) as (call,):
        until(lambda: house.running._parts.patience._waiting)
        house.clock.steady_offset_s += 11
        assert call.code() is grpc.StatusCode.CANCELLED
        until(lambda: house.records("administration", reason="request-missing"))
        assert house.tickets_issued() == 0


def test_t66_a_caller_at_work_is_not_cut_off(tmp_path: Path) -> None:
    with fresh_house(tmp_path) as house:
        for _ in range(3):
            house.clock.steady_offset_s += 11
            house.register()
            assert asking.request_access(house.dispatch(), question(), timeout_s=20).ticket


def test_t66_many_calls_at_work_are_not_silent(tmp_path: Path) -> None:
    with (
        fresh_house(tmp_path, limits=Limits(workers=WORKERS)) as house,
        ThreadPoolExecutor(4 * WORKERS) as pool,
    ):
        house.dispatch()
        grants = list(pool.map(lambda _: house.ask(), range(20 * WORKERS)))
        assert all(grant.ticket for grant in grants)
        assert not house.records("administration", reason="limit-reached")


@pytest.mark.parametrize(
    "method", [REFLECTION, "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/List"]
)
def test_t66_a_message_that_cannot_be_read_holds_no_thread(tmp_path: Path, method: str) -> None:
    with fresh_house(tmp_path, limits=Limits(workers=WORKERS)) as house:
        line = house.channel(house.actor("press", name="desk"))
        for _ in range(3 * WORKERS):
            with pytest.raises(grpc.RpcError) as caught:
                list(line.unary_stream(method)(b"\xff" * 50, timeout=20))
            assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        until(lambda: not house.running._parts.patience._waiting)
        assert len(house.records("administration", reason="request-invalid")) == 3 * WORKERS


def test_t66_answers_that_are_not_taken_are_counted_and_cut_off(tmp_path: Path) -> None:
    """They hold no thread, but memory, and without end: a stranger's window may stay shut."""
    with fresh_house(tmp_path, limits=Limits(workers=WORKERS)) as house:
        desk = house.actor("press", name="desk")
        patience = house.running._parts.patience
        call = house.running.port, "/grpc.health.v1.Health/Check", b""
        with closed_window(desk, *call, 4 * WORKERS):
            until(lambda: len(patience._waiting) == patience.silent_max)
            with closed_window(desk, *call, 1):
                until(lambda: house.records("administration", reason="limit-reached"))
            assert house.ask().ticket
            house.clock.steady_offset_s += 11
            until(lambda: not patience._waiting)


def test_t66_answers_that_are_taken_are_forgotten(tmp_path: Path) -> None:
    with fresh_house(tmp_path) as house:
        for _ in range(20):
            assert house.ask().ticket
        until(lambda: not house.running._parts.patience._waiting)
