"""What the two gates are asked and what they answer; an engine is any object that keeps to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from exchange.model.canonical import JsonValue
from exchange.policy.files.grants import Grant
from exchange.policy.files.rules import Demand


class GrantQuestion(NamedTuple):
    """May this subject, of this department, do this to this dataset for this purpose; the model's `r`."""

    subject: str
    department: str
    dataset: str
    action: str
    purpose: str


@dataclass(frozen=True, slots=True)
class GrantAnswer:
    """Whether the grants gate opened, and every rule that decided it.

    `rules` are the allowing ones if it opened, the denying ones if a rule shut it, none if no rule spoke.
    """

    opened: bool
    rules: tuple[Grant, ...] = ()


class GrantGate(Protocol):
    """Answers from the stewards' CSV lines."""

    def ask(self, question: GrantQuestion) -> GrantAnswer:
        """The answer; anything raised counts as shut."""

    def terms(self, subject: str, department: str) -> tuple[str, ...]:
        """The subject's own terms and every role it inherits."""


@dataclass(frozen=True, slots=True)
class ConditionAnswer:
    """Whether the conditions gate opened, why not, and what it demands.

    Attributes:
        opened: True only if every module said exactly `allow = true` and none said `deny`.
        reason: "" or condition-not-met, condition-denied, condition-failed.
        rules: ids of the rules that decided, `<file>#allow`, `<file>#deny:<code>`.
        demands: obligations that the modules added.
        detail: for the operator's log: the engine's own words, cut short.
    """

    opened: bool
    reason: str = ""
    rules: tuple[str, ...] = ()
    demands: tuple[Demand, ...] = ()
    detail: str = ""


class ConditionGate(Protocol):
    """Answers from the city's and one department's Rego; regorus here, an OPA server may stand beside it."""

    def ask(self, department: str, question: Mapping[str, JsonValue]) -> ConditionAnswer:
        """The answer for a dataset of this department. Never raises: a fault is `condition-failed`."""
