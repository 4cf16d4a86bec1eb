"""F19 OPA or a Rego worker stopped → deny in bounded time, others served, and back by itself."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest
from hostile_rego import BASELINE, SOUND, question
from opa_house import Opa, opa_server
from small_city import ask, files

from exchange.policy.bundle import load
from exchange.policy.engines.choice import InWorkers, open_engine
from exchange.policy.engines.settings import RegoSettings

LIMIT_MS = 500
BOUND_S = 10 * LIMIT_MS / 1000


@pytest.fixture
def engine() -> Iterator[InWorkers]:
    opened = InWorkers(RegoSettings(timeout_ms=LIMIT_MS, workers=1))
    yield opened
    opened.close()


@pytest.mark.parametrize("sent", [signal.SIGSTOP, signal.SIGKILL, signal.SIGTERM])
def test_f19_a_worker_that_is_stopped_costs_one_denial(engine: InWorkers, sent: signal.Signals) -> None:
    asked = engine.gate(BASELINE, {"weather": SOUND}, 1)
    (process,) = engine.pool.processes()
    os.kill(process, sent)
    began = time.monotonic()
    assert asked.ask("weather", question(columns=5)).reason == "condition-failed"
    assert time.monotonic() - began < BOUND_S
    assert asked.ask("registry", question(columns=5)).opened, "the city's own conditions need no worker"
    deadline = time.monotonic() + 30
    while not asked.ask("weather", question(columns=5)).opened:
        assert time.monotonic() < deadline
    assert engine.pool.processes() != (process,)


@pytest.mark.needs("opa")
def test_f19_opa_stopped_denies_and_is_used_again_once_it_is_back() -> None:
    with opa_server() as opa:
        engine = open_engine(RegoSettings(engine="opa", url=opa.url, timeout_ms=2000))
        bundle = load(files(), 1, engine=engine)
        assert ask(bundle).decision.allowed
        opa.stop()
        began = time.monotonic()
        assert ask(bundle).decision.reason == "condition-failed"
        assert time.monotonic() - began < 20
        opa.start()
        _until_allowed(bundle, opa)
        engine.close()


def _until_allowed(bundle: object, opa: Opa) -> None:
    """A server that restarted has forgotten the modules: pushed again, and meanwhile all is denied."""
    deadline = time.monotonic() + 30
    while not ask(bundle).decision.allowed:  # type: ignore[arg-type]
        assert time.monotonic() < deadline, opa.url
        time.sleep(0.05)


@pytest.mark.needs("opa")
def test_f19_opa_frozen_denies_within_the_time_limit() -> None:
    with opa_server() as opa:
        engine = open_engine(RegoSettings(engine="opa", url=opa.url, timeout_ms=LIMIT_MS))
        bundle = load(files(), 1, engine=engine)
        assert opa.process is not None
        opa.process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        assert ask(bundle).decision.reason == "condition-failed"
        assert time.monotonic() - began < BOUND_S
        opa.process.send_signal(signal.SIGCONT)
        _until_allowed(bundle, opa)
        engine.close()
