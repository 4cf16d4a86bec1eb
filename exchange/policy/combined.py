"""Combined obligations, remembered: the same rules on the same dataset for the same reader are combined once.

Parts are told apart by identity, which costs nothing and cannot err: a bundle's parts and a registration are
never changed, only replaced by others. Conditions that repeat a demand repeat the object (`rego_answer`).
"""

from __future__ import annotations

from dataclasses import dataclass

from exchange.model.dataset import Dataset
from exchange.model.held import Held
from exchange.model.kept import Kept
from exchange.model.obligation import Obligations
from exchange.policy.combine import Impossible, Reader, combine
from exchange.policy.files.baseline import BaselineRule
from exchange.policy.files.classification import Classified
from exchange.policy.files.rules import Demand

KEPT_BYTES_MAX = 128 << 20
COLUMN_BYTES = 600
"""About what a column costs: registered, classified and governed."""


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """What obligations are combined from; equal only to another one of the very same objects."""

    dataset: Dataset
    classified: Classified
    baseline: tuple[BaselineRule, ...]
    demands: tuple[Demand, ...]

    def __eq__(self, other: object) -> bool:
        """Whether all parts are the same objects."""
        return isinstance(other, Parts) and self._held() == other._held()

    def __hash__(self) -> int:
        """By identity."""
        return hash(self._held())

    def _held(self) -> Held[*tuple[object, ...]]:
        return Held(self.dataset, self.classified, self.baseline, *self.demands)


@dataclass(frozen=True, slots=True)
class Combined:
    """The outcome, and the ids of the rules that had a part in it."""

    outcome: Obligations | Impossible
    rules: tuple[str, ...]


_KEPT: Kept[tuple[Parts, Reader], Combined] = Kept(KEPT_BYTES_MAX)


def combined(parts: Parts, reader: Reader) -> Combined:
    """What must be fulfilled for this reader; see `combine`."""
    question = parts, reader
    return _KEPT.get(question) or _KEPT.put(question, _combined(parts, reader), _bytes(parts))


def _bytes(parts: Parts) -> int:
    """About what is held, were it only for this; Rego may make a demand of its own for each question."""
    columns = len(parts.dataset.columns) + len(parts.classified.facts.columns)
    return columns * COLUMN_BYTES + sum(len(repr(demand)) for demand in parts.demands) * 4


def _combined(parts: Parts, reader: Reader) -> Combined:
    outcome = combine(parts.dataset, parts.classified, parts.baseline, parts.demands, reader)
    if isinstance(outcome, Impossible):
        return Combined(outcome, (outcome.rule,) if outcome.rule else ())
    kinds = parts.classified.facts.columns.values()
    city = [
        rule.id for rule in parts.baseline if any(rule.reaches(kind, owner=reader.owner) for kind in kinds)
    ]
    return Combined(outcome, (*city, *(demand.id for demand in parts.demands)))
