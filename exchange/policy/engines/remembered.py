"""A gate that is asked once for each question that its modules can tell from the others.

For whoever asks about a whole city: a hundred thousand questions differ in a handful of the parts that the
conditions look at. Never for a broker, which answers each request by itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from exchange.model.canonical import JsonValue
from exchange.policy.engines.protocol import ConditionAnswer, ConditionGate
from exchange.policy.engines.rego_check import RegoModule
from exchange.policy.engines.rego_reads import Path, reads

ANSWERS_MAX = 1 << 16


class Remembered:
    """The same answers as the gate within; for one thread."""

    def __init__(
        self, within: ConditionGate, baseline: RegoModule, departments: Mapping[str, RegoModule]
    ) -> None:
        self._within = within
        self._city = _ordered(reads(baseline))
        self._paths = {
            name: _ordered(reads(baseline) | reads(module)) for name, module in departments.items()
        }
        self._own = frozenset(departments)
        self._answers: dict[tuple[str, str], ConditionAnswer] = {}

    def ask(self, department: str, question: Mapping[str, JsonValue]) -> ConditionAnswer:
        """The answer for a dataset of this department; what failed is asked again the next time."""
        told = [_part(question, path) for path in self._paths.get(department, self._city)]
        key = (department if department in self._own else "", json.dumps(told, sort_keys=True))
        answer = self._answers.get(key)
        if answer is None:
            answer = self._within.ask(department, question)
            if answer.reason != "condition-failed":
                self._keep(key, answer)
        return answer

    def _keep(self, key: tuple[str, str], answer: ConditionAnswer) -> None:
        if len(self._answers) >= ANSWERS_MAX:
            self._answers.clear()
        self._answers[key] = answer


def _ordered(paths: frozenset[Path]) -> tuple[Path, ...]:
    return tuple(sorted(paths))


def _part(question: Mapping[str, JsonValue], path: Path) -> JsonValue:
    """What stands there; a part that a question lacks is None, as nothing else in a question is."""
    found: JsonValue = dict(question)
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found
