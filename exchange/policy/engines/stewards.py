"""Where conditions run on a steward's own machine: as bounded as in a broker.

A steward checks, tests and simulates what colleagues and other departments wrote. A rule of theirs that never
ends, or eats all memory, must end in a sentence that names its file, not in a dead terminal (T30).
"""

from __future__ import annotations

import atexit
from collections.abc import Mapping

from exchange.model.canonical import JsonValue
from exchange.policy.engines.choice import InProcess
from exchange.policy.engines.protocol import ConditionGate
from exchange.policy.engines.rego_answer import EvaluationFailed, Modules, Values
from exchange.policy.engines.rego_check import RegoModule
from exchange.policy.engines.rego_gate import RegoGate
from exchange.policy.engines.rego_pool import MEMORY_BYTES_MAX, WorkerPool
from exchange.policy.facts import Outcome
from exchange.policy.files.source import Place, refused

TIME_LIMIT_S = 2.0
"""More than a broker allows, since a steward's machine does other things as well."""
EXCESS = f"the rules took more than {TIME_LIMIT_S:g} s, or more than {MEMORY_BYTES_MAX >> 20} MB"


class OnStewardsMachine:
    """regorus in one worker process, which is started when the first department has conditions."""

    name = InProcess.name

    def __init__(self) -> None:
        self._pool: WorkerPool | None = None

    def gate(
        self,
        baseline: RegoModule,
        departments: Mapping[str, RegoModule],
        revision: int,  # noqa: ARG002 -- nothing of a revision stays behind in a worker
    ) -> ConditionGate:
        """The gate for one revision's modules.

        Raises:
            PolicyInvalid: a module does not run, or goes beyond all bounds; names the line.
        """
        return RegoGate(baseline, departments, run=self._run, time_limit_s=2 * TIME_LIMIT_S)

    def processes(self) -> tuple[int, ...]:
        """The ids of the workers that run."""
        return () if self._pool is None else self._pool.processes()

    def close(self) -> None:
        """End the worker; the next question starts another one."""
        if self._pool is not None:
            atexit.unregister(self._pool.close)
            self._pool.close()
        self._pool = None

    def _run(self, modules: Modules, question: Mapping[str, JsonValue]) -> list[Values]:
        pool = self._opened()
        before = pool.processes()
        try:
            return pool.run(modules, question)
        except EvaluationFailed:
            if before and set(before) <= set(pool.processes()):
                raise
            self.close()  # the worker has ended: what comes next waits for a fresh one, without a clock
            raise EvaluationFailed(EXCESS) from None

    def _opened(self) -> WorkerPool:
        if self._pool is None:
            self._pool = WorkerPool(1, TIME_LIMIT_S)
            atexit.register(self._pool.close)
            self._pool.open()
        return self._pool


STEWARDS = OnStewardsMachine()


def check_bounds(outcome: Outcome, dataset: str) -> None:
    """Say of rules that ended their worker what a broker would only deny for.

    Raises:
        PolicyInvalid: the conditions of the dataset's department did.
    """
    if any(step.why == EXCESS for step in outcome.steps):
        file = f"departments/{dataset.partition('.')[0]}/conditions.rego"
        mend = "build no lists out of lists, and go over columns once; a broker would deny"
        raise refused(Place(file, 1), EXCESS, mend)
