"""Those who wait for one group are woken one after the other, and nobody is forgotten."""

from __future__ import annotations

import threading
import time

import pytest

from exchange.audit.storage import group as groups
from exchange.audit.storage.group import Group


def sleepers(group: Group, timeouts: list[float | None]) -> tuple[list[threading.Thread], list[bool | None]]:
    """Threads that sleep until the group is settled, each at most so long; what each was told."""
    told: list[bool | None] = [None] * len(timeouts)

    def sleep(number: int, timeout_s: float | None) -> None:
        told[number] = group.wait(timeout_s)

    threads = [threading.Thread(target=sleep, args=each) for each in enumerate(timeouts)]
    for thread in threads:
        thread.start()
    while len(group._sleepers) + sum(one is not None for one in told) < len(timeouts):
        time.sleep(0.001)
    return threads, told


@pytest.mark.parametrize("at_once", [1, 2, 100])
def test_everyone_is_woken(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(groups, "WOKEN_AT_ONCE", at_once)
    group = Group()
    threads, told = sleepers(group, [None] * 50)
    group.finish(7)
    for thread in threads:
        thread.join(10)
    assert told == [True] * 50
    assert group.wait(0) is True


def test_whoever_gave_up_breaks_no_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "WOKEN_AT_ONCE", 1)
    group = Group()
    threads, told = sleepers(group, [None, 0.0, 30.0, 0.0, None, 0.01])
    for number in (1, 3, 5):
        threads[number].join(10)
    group.finish(0)
    for thread in threads:
        thread.join(10)
    assert told == [True, False, True, False, True, False]


def test_giving_up_at_the_moment_of_waking_passes_the_waking_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "WOKEN_AT_ONCE", 1)
    for _ in range(100):
        group = Group()
        threads, told = sleepers(group, [None, 0.002, None, 0.002, 0.002, None])
        group.finish(0)
        for thread in threads:
            thread.join(10)
        assert [told[number] for number in (0, 2, 5)] == [True] * 3
