"""A past decision, asked again of the policy of that time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from exchange.errors import RequestInvalid
from exchange.model.dataset import Dataset
from exchange.policy.bundle import Bundle
from exchange.policy.files.tree import PolicyTree
from exchange.policy.questions.assumed import Schemas
from exchange.policy.questions.matrix import Asked, Asker
from exchange.policy.questions.parties import Party
from exchange.policy.questions.recorded import read_record
from exchange.policy.questions.worlds import World


@dataclass(frozen=True, slots=True)
class Replay:
    """The recorded question in the world of that time.

    Attributes:
        world: policy, moment and question.
        agrees: whether it falls today as it fell then, rules and all.
        notes: what the record does not tell, and what differs.
    """

    world: World
    agrees: bool
    notes: tuple[str, ...]


def replay(
    fields: Mapping[str, Any], files: PolicyTree, bundle: Bundle, known: Mapping[str, Dataset]
) -> Replay:
    """The decision of a record, asked again.

    The log does not tell the literals of a predicate, so the question is asked without it.

    Args:
        fields: of the decision record.
        files: the policy of the record's revision.
        bundle: made of these files.
        known: registered schemas.

    Raises:
        RequestInvalid: the record is no read that a policy could answer.
    """
    one = read_record(fields, bundle.words.trust_domain)
    if one is None:
        raise RequestInvalid("the record is no read that a policy could answer", hint="look at its reason")
    asker = Asker(bundle, Schemas(bundle, known), dt.datetime.fromisoformat(fields["time"]))
    party = Party(f"{one.subject.department}/{one.subject.name}", one.subject)
    world = World(files, asker, Asked(party, one.dataset, one.purpose, one.state, one.columns))
    agrees = _agrees(world, fields)
    return Replay(world, agrees, tuple(_notes(fields, world, agrees=agrees)))


def _agrees(world: World, fields: Mapping[str, Any]) -> bool:
    decision = world.outcome().decision
    return (decision.reason, list(decision.rules)) == (fields["reason"], list(fields["rules"]))


def _notes(fields: Mapping[str, Any], world: World, *, agrees: bool) -> Iterator[str]:
    decided = f"{fields['decision']} ({fields['reason']})"
    yield f"recorded {fields['time']}: {decided}, revision {fields['revision']}, state {fields['state']}"
    if not agrees:
        yield "asked again it falls otherwise: the broker itself refused, or a schema changed"
    if world.asker.schemas.assumes(world.asked.dataset):
        yield "column types are assumed from the policy: no schemas say what was registered"
    if fields["predicate"]:
        yield f"asked rows {fields['predicate']}: the log holds no literals, so the predicate is left out"
    if fields["columns_count"] > len(fields["columns"]):
        yield "more columns were asked for than the record lists; asked again for all that are allowed"
