"""From the values of a module's rules to the gate's answer; the same for every engine that runs Rego.

An engine says what each rule is; whether that opens the gate is decided here and nowhere else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from pydantic import Field, ValidationError

from exchange.model.canonical import JsonValue
from exchange.policy.effects import Effects
from exchange.policy.engines.protocol import ConditionAnswer
from exchange.policy.engines.rego_check import ALLOW, DENY, OBLIGATIONS, RegoModule
from exchange.policy.files.rules import Demand

DEMANDS_KEPT_MAX, DEMAND_CHARS_KEPT_MAX = 512, 4096
Modules = tuple[RegoModule, ...]
Values = Mapping[str, JsonValue]
"""Rule -> value, of one module; an undefined rule is absent."""
_NOTHING: list[JsonValue] = []
_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


class EvaluationFailed(Exception):
    """A module could not be run, or answered with something that is no answer; never leaves the gate.

    Args:
        message: for the operator.
        file, line: where, as far as the engine said; "" and 1 otherwise.
    """

    def __init__(self, message: str, *, file: str = "", line: int = 1) -> None:
        super().__init__(message)
        self.file, self.line = file, line


class _RegoEffects(Effects):
    id: str = Field(min_length=1, max_length=64, pattern=r"^[\w-]+$")


def failed(error: BaseException | str) -> ConditionAnswer:
    """The answer to every fault: shut."""
    detail = str(error).strip().split("\n", maxsplit=1)[0][:200]
    return ConditionAnswer(opened=False, reason="condition-failed", detail=detail)


def interpret(modules: Modules, values: Sequence[Values]) -> ConditionAnswer:
    """The answer that these values are.

    Raises:
        EvaluationFailed: a value is none that the rule may have.
    """
    if len(values) != len(modules):
        raise EvaluationFailed("the engine answered for another number of modules")
    if all(_plainly_opens(said) for said in values):
        return _opened(modules)
    spoken = list(zip(modules, values, strict=True))
    codes = tuple(f"{module.file}#deny:{code}" for module, said in spoken for code in _denials(said))
    demands = tuple(demand for module, said in spoken for demand in _demands(module, said))
    if codes:
        return ConditionAnswer(opened=False, reason="condition-denied", rules=codes)
    for module, said in spoken:
        # Exactly true: undefined is absent, and 1 or "true" is somebody's mistake (T34).
        if said.get(ALLOW) is not True:
            return ConditionAnswer(opened=False, reason="condition-not-met", rules=(f"{module.file}#allow",))
    return replace(_opened(modules), demands=demands)


def _plainly_opens(said: Values) -> bool:
    """Whether it allows, denies nothing and demands nothing: what nearly all modules say to nearly all."""
    return said.get(ALLOW) is True and said.get(DENY, _NOTHING) == said.get(OBLIGATIONS, _NOTHING) == _NOTHING


@lru_cache(maxsize=256)
def _opened(modules: Modules) -> ConditionAnswer:
    return ConditionAnswer(opened=True, rules=tuple(f"{module.file}#allow" for module in modules))


def _denials(said: Values) -> list[str]:
    codes = [code for code in _members(said, DENY) if isinstance(code, str) and _CODE.fullmatch(code)]
    if len(codes) != len(_members(said, DENY)):
        raise EvaluationFailed("a deny code is lower-case text such as not-shared")
    return sorted(codes)


def _demands(module: RegoModule, said: Values) -> list[Demand]:
    texts = sorted(json.dumps(item, sort_keys=True) for item in _members(said, OBLIGATIONS))
    return [
        _kept_demand(module.file, text) if len(text) <= DEMAND_CHARS_KEPT_MAX else _demand(module.file, text)
        for text in texts
    ]


@lru_cache(maxsize=DEMANDS_KEPT_MAX)
def _kept_demand(file: str, text: str) -> Demand:
    """Conditions repeat themselves, and then it is the same object."""
    return _demand(file, text)


def _demand(file: str, text: str) -> Demand:
    """The demand that an obligation is."""
    try:
        effects = _RegoEffects.model_validate(json.loads(text))
    except ValidationError as error:
        raise EvaluationFailed(f"an obligation is malformed: {error.errors()[0]['msg']}") from None
    return Demand(f"{file}#{effects.id}", effects, effects.row_filter)


def _members(said: Values, rule: str) -> list[JsonValue]:
    """The members of a set rule; an undefined rule is the empty set, any other value a fault."""
    value = said.get(rule, [])
    if not isinstance(value, list):
        raise EvaluationFailed(f"{rule} is not a set")
    return value
