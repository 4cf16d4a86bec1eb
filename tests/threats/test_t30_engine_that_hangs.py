"""T30 a department's condition that never ends → deny within the time limit; others go on being served."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hostile_rego import BASELINE, EATS, HANGS, SOUND, question

from exchange.policy.engines.choice import InProcess, InWorkers, open_engine
from exchange.policy.engines.rego_gate import RegoGate
from exchange.policy.engines.settings import RegoSettings

LIMIT_MS = 500


@pytest.fixture
def engine() -> Iterator[InWorkers]:
    opened = open_engine(RegoSettings(timeout_ms=LIMIT_MS, workers=2))
    assert isinstance(opened, InWorkers), (
        "what departments wrote runs in workers unless somebody says otherwise"
    )
    yield opened
    opened.close()


def gate(engine: InWorkers) -> RegoGate:
    made = engine.gate(BASELINE, {"port": HANGS, "weather": SOUND}, 1)
    assert isinstance(made, RegoGate)
    return made


def test_t30_it_denies_within_its_time_limit(engine: InWorkers) -> None:
    asked = gate(engine)
    began = time.monotonic()
    answer = asked.ask("port", question())
    assert (answer.opened, answer.reason, answer.detail) == (False, "condition-failed", "time limit exceeded")
    assert time.monotonic() - began < 10 * LIMIT_MS / 1000


def test_t30_others_are_served_while_it_hangs(engine: InWorkers) -> None:
    asked = gate(engine)
    with ThreadPoolExecutor(2) as pool:
        hanging = pool.submit(asked.ask, "port", question())
        served = 0
        while not hanging.done():
            served += asked.ask("weather", question(columns=5)).opened
        assert not hanging.result().opened
    assert served > 10


def test_t30_the_city_itself_is_served_though_every_worker_hangs(engine: InWorkers) -> None:
    asked = gate(engine)
    with ThreadPoolExecutor(4) as pool:
        hanging = [pool.submit(asked.ask, "port", question()) for _ in range(4)]
        assert asked.ask("registry", question(columns=5)).opened
        assert [each.result().opened for each in hanging] == [False] * 4
    assert not any(each.result().opened for each in hanging)


def test_t30_the_service_comes_back_by_itself(engine: InWorkers) -> None:
    asked = gate(engine)
    before = set(engine.pool.processes())
    for _ in range(3):
        asked.ask("port", question())
    deadline = time.monotonic() + 30
    while not asked.ask("weather", question(columns=5)).opened:
        assert time.monotonic() < deadline
    assert set(engine.pool.processes()) - before, "the workers that hung were replaced"
    assert all(not _runs(process) for process in before - set(engine.pool.processes()))


def test_t30_after_its_end_an_engine_has_left_no_process(engine: InWorkers) -> None:
    asked = gate(engine)
    processes = engine.pool.processes()
    engine.close()
    assert processes
    assert not any(_runs(process) for process in processes)
    assert asked.ask("weather", question(columns=5)).reason == "condition-failed"


def test_t30_a_city_without_departments_conditions_starts_no_process(engine: InWorkers) -> None:
    engine.gate(BASELINE, {}, 1)
    assert engine.pool.processes() == ()


def test_t30_workers_and_this_process_answer_alike(engine: InWorkers) -> None:
    for made in (engine, InProcess()):
        asked = made.gate(BASELINE, {"weather": SOUND}, 1)
        assert asked.ask("weather", question(columns=5)).opened
        assert asked.ask("weather", question("curiosity", columns=5)).reason == "condition-not-met"


def test_t30_modules_of_many_revisions_stay_apart(engine: InWorkers) -> None:
    first = engine.gate(BASELINE, {"weather": SOUND}, 1)
    second = engine.gate(
        BASELINE,
        {"weather": EATS.__class__(SOUND.file, SOUND.text.replace("==", "!="), SOUND.package, SOUND.defines)},
        2,
    )
    for _ in range(3):
        assert first.ask("weather", question(columns=5)).opened
        assert not second.ask("weather", question(columns=5)).opened


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
