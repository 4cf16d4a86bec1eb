"""Many equal shifts as one statement: these subjects, on these datasets, gain or lose this."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from exchange.policy.questions.difference import Change, Part, Way, widens
from exchange.policy.questions.simulate import Shift
from exchange.policy.questions.wording import summary


@dataclass(frozen=True, slots=True)
class Statement:
    """Every subject, with every dataset, in every state listed, meets exactly these changes.

    Attributes:
        subjects, datasets, states: sorted.
        purpose: for which.
        changes: what differs.
        sees: what is seen from now on where access was gained, in words; empty otherwise.
        requests: recorded requests that meet it.
    """

    subjects: tuple[str, ...]
    datasets: tuple[str, ...]
    purpose: str
    states: tuple[str, ...]
    changes: tuple[Change, ...]
    sees: tuple[str, ...]
    requests: int

    @property
    def wider(self) -> bool:
        """Whether more may be seen, or it cannot be ruled out."""
        return widens(self.changes)

    @property
    def narrower(self) -> bool:
        """Whether less may be seen, or it cannot be ruled out."""
        return any(change.way is not Way.WIDER for change in self.changes)

    def to_json(self) -> dict[str, Any]:
        """As programs read it."""
        return {
            "subjects": list(self.subjects),
            "datasets": list(self.datasets),
            "purpose": self.purpose,
            "states": list(self.states),
            "wider": self.wider,
            "changes": [
                {"part": one.part, "way": one.way, "column": one.column, "old": one.before, "new": one.after}
                for one in self.changes
            ],
            "requests": self.requests,
        }


def statements(shifts: Iterable[Shift]) -> list[Statement]:
    """The shifts, said in as few statements as joining states, then subjects, then datasets yields.

    Those that widen come first.
    """
    states: dict[Any, set[str]] = defaultdict(set)
    counts: Counter[Any] = Counter()
    for shift in shifts:
        gained = any(change.part is Part.ACCESS and change.way is Way.WIDER for change in shift.changes)
        sees = tuple(summary(shift.sees)) if gained and shift.sees is not None else ()
        key = (shift.party, shift.dataset, shift.purpose, shift.changes, sees)
        states[key].add(shift.state)
        counts[key] += shift.requests
    return _join(states, counts)


def _join(states: dict[Any, set[str]], counts: Counter[Any]) -> list[Statement]:
    subjects: dict[Any, set[str]] = defaultdict(set)
    for (party, dataset, purpose, changes, sees), held in states.items():
        subjects[dataset, purpose, changes, sees, tuple(sorted(held))].add(party)
    datasets: dict[Any, set[str]] = defaultdict(set)
    for (dataset, *rest), found in subjects.items():
        datasets[(*rest, tuple(sorted(found)))].add(dataset)
    said = [
        Statement(
            who,
            tuple(sorted(found)),
            purpose,
            held,
            changes,
            sees,
            sum(counts[party, dataset, purpose, changes, sees] for party in who for dataset in found),
        )
        for (purpose, changes, sees, held, who), found in datasets.items()
    ]
    return sorted(said, key=lambda one: (not one.wider, one.datasets, one.subjects, one.purpose, one.states))
