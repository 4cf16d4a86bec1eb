"""What one party sees of one dataset for one purpose: the answers of all states, equal ones told once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from exchange.model.obligation import Obligations
from exchange.policy.questions.matrix import Asked, Asker, Cell, opened
from exchange.policy.questions.parties import Party
from exchange.policy.questions.wording import obligations_json


@dataclass(frozen=True, slots=True)
class Sight:
    """Who sees what, for which purpose, in which states, under which obligations.

    Attributes:
        party: label, `emergency/dispatch` or `emergency/*`.
        dataset, purpose: of the question.
        states: in which the answer is this, sorted; the others are other sights or refusals.
        every_state: whether these are all states the city declares.
        obligations: what the reader must put up with.
    """

    party: str
    dataset: str
    purpose: str
    states: tuple[str, ...]
    every_state: bool
    obligations: Obligations

    def shows(self, column: str) -> bool:
        """Whether the column is delivered, masked or not."""
        return any(rule.name == column for rule in self.obligations.columns)

    def to_json(self) -> dict[str, Any]:
        """As programs read it."""
        return {
            "subject": self.party,
            "dataset": self.dataset,
            "purpose": self.purpose,
            "states": list(self.states),
            "obligations": obligations_json(self.obligations),
        }


def sights(asker: Asker, parties: Sequence[Party], datasets: Collection[str] | None = None) -> list[Sight]:
    """Everything these parties can see of these datasets (None: of all), sorted; asks `decide` for each."""
    cells = opened(asker.bundle, parties, datasets)
    order = sorted(cells, key=lambda cell: (cell[1], cell[0].label, cell[0].subject.id, cell[2]))
    return [sight for cell in order for sight in _of(asker, cell)]


def _of(asker: Asker, cell: Cell) -> Iterable[Sight]:
    party, dataset, purpose = cell
    states = sorted(asker.bundle.words.states)
    found: dict[Obligations, list[str]] = {}
    for state in states:
        answer = asker.ask(Asked(party, dataset, purpose, state))
        if answer.obligations is not None:
            found.setdefault(answer.obligations, []).append(state)
    for obligations, held in found.items():
        yield Sight(party.label, dataset, purpose, tuple(held), len(held) == len(states), obligations)
