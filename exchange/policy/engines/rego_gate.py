"""The conditions gate on regorus, in this process: the city's module and one department's, nobody else's."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import regorus
from pydantic import Field, ValidationError

from exchange.model.canonical import JsonValue
from exchange.policy.effects import Effects
from exchange.policy.engines.protocol import ConditionAnswer
from exchange.policy.engines.rego_ast import engine_error
from exchange.policy.engines.rego_check import ALLOW, DENY, OBLIGATIONS, RegoModule
from exchange.policy.files.rules import Demand
from exchange.policy.files.source import Place, refused

TIME_LIMIT_S = 0.5
ENGINES_PER_THREAD_MAX = 128
Modules = tuple[RegoModule, ...]
ENGINES_PER_THREAD_MAX = 64
_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


class ConditionFailed(Exception):
    """A module answered with something that is no answer; never leaves the gate."""


class _RegoEffects(Effects):
    id: str = Field(min_length=1, max_length=64, pattern=r"^[\w-]+$")


class RegoGate:
    """One prepared engine per thread and department, cloned for each decision (0.4 µs).

    regorus cannot be interrupted. What bounds a decision is what `rego_check` refuses: recursion, growth, and
    more than `rego_cost.STEPS_MAX` steps on the largest input; an answer that took longer than `time_limit_s`
    all the same is not trusted (T30).
    """

    def __init__(
        self,
        baseline: RegoModule,
        departments: Mapping[str, RegoModule],
        *,
        time_limit_s: float = TIME_LIMIT_S,
        monotonic_s: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Prepare the engines and run each once, since regorus finds unsafe variables only by running.

        Raises:
            PolicyInvalid: a module does not run; names the line.
        """
        self._baseline = (baseline,)
        self._departments = {name: (baseline, module) for name, module in departments.items()}
        self._time_limit_s = time_limit_s
        self._monotonic_s = monotonic_s
        for modules in (self._baseline, *self._departments.values()):
            _probe(modules)

    def ask(self, department: str, question: Mapping[str, JsonValue]) -> ConditionAnswer:
        """The answer for a dataset of this department; a fault of any kind is `condition-failed`."""
        modules: Modules = self._departments.get(department, self._baseline)
        began = self._monotonic_s()
        try:
            engine = _prepared(modules).clone()
            engine.set_input(question)
            answer = _answer(engine, modules)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 -- a panic of the engine is no Exception; the gate stays shut
            return ConditionAnswer(opened=False, reason="condition-failed", detail=engine_error(error)[1])
        if self._monotonic_s() - began > self._time_limit_s:
            return ConditionAnswer(opened=False, reason="condition-failed", detail="time limit exceeded")
        return answer


class _Engines(threading.local):
    """This thread's engines, the least recently used first.

    An engine may be used and freed only by the thread that made it. Therefore each thread keeps its own, here
    and not in the gate: a gate is dropped by whichever thread reloads the policy.
    """

    def __init__(self) -> None:
        self.known: OrderedDict[Modules, Any] = OrderedDict()


_ENGINES = _Engines()


def _prepared(modules: Modules) -> Any:
    known = _ENGINES.known
    engine: Any = known.get(modules)
    if engine is None:
        engine = known[modules] = regorus.Engine()
        for module in modules:
            engine.add_policy(module.file, module.text)
        if len(known) > ENGINES_PER_THREAD_MAX:
            known.popitem(last=False)
    known.move_to_end(modules)
    return engine


def _probe(modules: Modules) -> None:
    for module in modules:
        engine = _prepared(modules).clone()
        engine.set_input(_PROBE)
        try:
            for rule in sorted(module.defines):
                engine.eval_rule_as_json(f"data.{module.package}.{rule}")
        except Exception as error:  # noqa: BLE001 -- the engine's only way to say that a rule is unsafe
            line, message = engine_error(error)
            raise refused(Place(module.file, line), message, "mend the rule") from None


def _answer(engine: Any, modules: Modules) -> ConditionAnswer:
    codes = tuple(f"{module.file}#deny:{code}" for module in modules for code in _denials(engine, module))
    if codes:
        return ConditionAnswer(opened=False, reason="condition-denied", rules=codes)
    for module in modules:
        # Exactly true: undefined is None, and 1 or "true" is somebody's mistake (T34).
        if engine.eval_rule(f"data.{module.package}.{ALLOW}") is not True:
            return ConditionAnswer(opened=False, reason="condition-not-met", rules=(f"{module.file}#allow",))
    demands = tuple(demand for module in modules for demand in _demands(engine, module))
    return ConditionAnswer(
        opened=True, rules=tuple(f"{module.file}#allow" for module in modules), demands=demands
    )


def _denials(engine: Any, module: RegoModule) -> list[str]:
    codes = _members(engine, module, DENY)
    if not all(isinstance(code, str) and _CODE.fullmatch(code) for code in codes):
        raise ConditionFailed("a deny code is lower-case text such as not-shared")
    return [str(code) for code in codes]


def _demands(engine: Any, module: RegoModule) -> list[Demand]:
    found = []
    for item in _members(engine, module, OBLIGATIONS):
        try:
            effects = _RegoEffects.model_validate(item)
        except ValidationError as error:
            raise ConditionFailed(f"an obligation is malformed: {error.errors()[0]['msg']}") from None
        found.append(Demand(f"{module.file}#{effects.id}", effects, effects.row_filter))
    return found


def _members(engine: Any, module: RegoModule, rule: str) -> list[Any]:
    """The members of a set rule; an undefined rule is the empty set, any other value a fault."""
    if rule not in module.defines:
        return []
    # As JSON: a Python set cannot hold the objects that obligations are.
    value = json.loads(engine.eval_rule_as_json(f"data.{module.package}.{rule}"))
    if not isinstance(value, list):
        raise ConditionFailed(f"{rule} is not a set")
    return value


_PROBE: dict[str, JsonValue] = {
    "subject": {"id": "", "department": "", "kind": "", "name": "", "roles": []},
    "dataset": {"id": "", "department": "", "sharing": "", "grade": "", "tags": [], "columns": []},
    "purpose": "",
    "action": "",
    "columns": [],
    "time": "1970-01-01T00:00:00Z",
    "state": "",
}
