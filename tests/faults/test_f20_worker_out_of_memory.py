"""F20 a worker out of memory → one worker dies, and nothing else."""

from __future__ import annotations

import resource
import time

from hostile_rego import BASELINE, EATS, SOUND, question

from exchange.policy.engines.choice import InWorkers
from exchange.policy.engines.rego_pool import MEMORY_BYTES_MAX
from exchange.policy.engines.settings import RegoSettings


def test_f20_a_condition_that_eats_memory_ends_one_worker() -> None:
    engine = InWorkers(RegoSettings(timeout_ms=5000, workers=2))
    try:
        asked = engine.gate(BASELINE, {"port": EATS, "weather": SOUND}, 1)
        ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        answer = asked.ask("port", question())
        assert (answer.opened, answer.reason, answer.detail) == (
            False,
            "condition-failed",
            "the worker ended",
        )
        assert asked.ask("weather", question(columns=5)).opened
        deadline = time.monotonic() + 30
        while len(engine.pool.processes()) < 2:
            assert time.monotonic() < deadline, "a new worker takes its place"
            time.sleep(0.02)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - ours < MEMORY_BYTES_MAX // 1024 // 4
    finally:
        engine.close()
