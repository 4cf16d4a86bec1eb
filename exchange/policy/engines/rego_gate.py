"""The conditions gate on regorus: the city's module and one department's, nobody else's."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from exchange.model.canonical import JsonValue
from exchange.policy.engines import rego_here
from exchange.policy.engines.protocol import ConditionAnswer
from exchange.policy.engines.rego_answer import EvaluationFailed, failed, interpret
from exchange.policy.engines.rego_check import RegoModule
from exchange.policy.engines.rego_speaker import Run, Speaker
from exchange.policy.files.source import Place, refused

TIME_LIMIT_S = 0.5


class RegoGate:
    """Which modules speak for a department, and where each of them runs.

    The city's own module always runs in this process: whoever writes it also runs the broker. A department's
    module runs where `run` says; in a worker process it can end nothing but that worker (T30). One that is
    plain can do no harm and runs here as well.
    """

    def __init__(
        self,
        baseline: RegoModule,
        departments: Mapping[str, RegoModule],
        *,
        run: Run = rego_here.run,
        time_limit_s: float = TIME_LIMIT_S,
        monotonic_s: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Run each module once, since regorus finds unsafe variables only by running.

        Raises:
            PolicyInvalid: a module does not run; names the line.
        """
        self._time_limit_s = time_limit_s
        self._monotonic_s = monotonic_s
        city = Speaker(baseline, rego_here.run)
        own = {
            name: Speaker(module, rego_here.run if module.plain else run)
            for name, module in departments.items()
        }
        for speaker in (city, *own.values()):
            _probe(speaker)
        self._city = (city,), (baseline,)
        self._departments = {
            name: ((city, speaker), (baseline, speaker.module)) for name, speaker in own.items()
        }

    def ask(self, department: str, question: Mapping[str, JsonValue]) -> ConditionAnswer:
        """The answer for a dataset of this department; a fault of any kind is `condition-failed`."""
        speakers, modules = self._departments.get(department, self._city)
        began = self._monotonic_s()
        try:
            answer = interpret(modules, [speaker.say(question) for speaker in speakers])
        except Exception as error:  # noqa: BLE001 -- whatever went wrong, the gate stays shut
            return failed(error)
        if self._monotonic_s() - began > self._time_limit_s:
            return failed("time limit exceeded")
        return answer


def _probe(speaker: Speaker) -> None:
    try:
        speaker.say(_PROBE)
    except EvaluationFailed as error:
        place = Place(error.file or speaker.module.file, error.line)
        raise refused(place, str(error), "mend the rule") from None


_PROBE: dict[str, JsonValue] = {
    "subject": {"id": "", "department": "", "kind": "", "name": "", "roles": []},
    "dataset": {"id": "", "department": "", "sharing": "", "grade": "", "tags": [], "columns": []},
    "purpose": "",
    "action": "",
    "columns": [],
    "time": "1970-01-01T00:00:00Z",
    "state": "",
}
