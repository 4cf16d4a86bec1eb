"""One module, where it runs, and what it has said: what it cannot tell apart it is not asked twice.

Modules are pure, stand alone and see no part of a question that they do not name, so an answer holds for
every question that is alike in those parts. One that names the time is asked anew by a broker, for which no
two moments are alike, and once by whoever asks about a whole city at one moment.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping

from exchange.model.canonical import JsonValue
from exchange.model.kept import Kept, bytes_of
from exchange.policy.engines.rego_answer import Modules, Values
from exchange.policy.engines.rego_check import RegoModule
from exchange.policy.engines.rego_reads import Path

ANSWERS_BYTES_MAX = 4 << 20
Run = Callable[[Modules, Mapping[str, JsonValue]], list[Values]]
"""Runs modules on a question; raises EvaluationFailed."""


class Speaker:
    """A module of one revision; safe for many threads."""

    def __init__(self, module: RegoModule, run: Run) -> None:
        self.module = module
        self._modules = (module,)
        self._run = run
        self._paths = tuple(sorted(module.reads))
        self._said: Kept[Hashable, Values] = Kept(ANSWERS_BYTES_MAX)

    def say(self, question: Mapping[str, JsonValue]) -> Values:
        """The values of the module's rules.

        Raises:
            EvaluationFailed: as `run`; what failed is tried again the next time.
        """
        key = tuple(_frozen(_part(question, path)) for path in self._paths)
        values = self._said.get(key)
        if values is None:
            values = self._run(self._modules, question)[0]
            # A question may hold thousands of columns, and an answer what a module likes (T30).
            self._said.put(key, values, bytes_of(key) + bytes_of(values))
        return values


def _part(question: Mapping[str, JsonValue], path: Path) -> JsonValue:
    """What stands there; a part that a question lacks is None, as nothing else in a question is."""
    found: JsonValue = dict(question) if not path else question.get(path[0])
    for name in path[1:]:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _frozen(value: JsonValue) -> Hashable:
    """The value as a key; in a question no list stands where an object may, nor a number where a truth."""
    if isinstance(value, list):
        return tuple(map(_frozen, value))
    if isinstance(value, dict):
        return tuple((name, _frozen(inner)) for name, inner in sorted(value.items()))
    return value
