"""What a decision is given, what it answers, and the question as the conditions gate is told it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from exchange.model.canonical import JsonValue
from exchange.model.dataset import NAME_CHARS_MAX, Dataset
from exchange.model.decision import Decision
from exchange.model.predicate import Predicate
from exchange.model.request import ReadRequest
from exchange.model.subject import Subject
from exchange.policy.files.classification import Classified
from exchange.policy.files.rules import Demand
from exchange.policy.files.vocabulary import ROLE

Action = Literal["read", "describe"]
ACTIONS = frozenset({"read", "describe"})


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a decision may depend on besides the bundle, gathered by the caller (step 3).

    Attributes:
        subject: from the certificate, never from the request.
        dataset: as its connector registered it; None if nobody has.
        request: what is asked.
        action: `read`, or `describe` for catalogue and schema; whoever may read may describe.
        now: the time, with its zone.
        state: the city's operating state.
    """

    subject: Subject
    dataset: Dataset | None
    request: ReadRequest
    action: Action
    now: dt.datetime
    state: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a decision, for traces: its name, whether it passed, the rules that decided it, and why."""

    name: str
    passed: bool
    rules: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The decision, the consumer's predicate bound to its governed columns, and how it came about.

    `steps`, and `demands` (every rule beyond the baseline that acted on columns and rows), are for the
    steward's and operator's eyes only.
    """

    decision: Decision
    where: Predicate | None = None
    steps: tuple[Step, ...] = ()
    demands: tuple[Demand, ...] = ()


def question(facts: Facts, classified: Classified, terms: Sequence[str]) -> dict[str, JsonValue]:
    """The input of the conditions gate: plain values, never text that is parsed again (T35).

    Requested names that no column can have are left out here; the request's fit refuses them afterwards.
    """
    subject = facts.subject
    roles: list[JsonValue] = [term.removeprefix(ROLE) for term in terms if term.startswith(ROLE)]
    return {
        "subject": {
            "id": subject.id,
            "department": subject.department,
            "kind": subject.kind.value,
            "name": subject.name,
            "roles": roles,
        },
        "dataset": classified.attributes,
        "purpose": facts.request.purpose,
        "action": facts.action,
        "columns": [name for name in facts.request.columns if len(name) <= NAME_CHARS_MAX],
        "time": facts.now.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "state": facts.state,
    }
