"""What would have to change for the other answer: the fewest changes that bring it about, found by trying."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from exchange.policy.questions.worlds import World, nearby

CHANGES_MAX = 2


@dataclass(frozen=True, slots=True)
class Turn:
    """Changes that together, and none of them alone, turn the answer; each was made and asked again."""

    changes: tuple[str, ...]
    answer: str


def turns(world: World) -> list[Turn]:
    """All ways to the other answer with the fewest changes; none if CHANGES_MAX do not bring it about."""
    wanted = not world.outcome().decision.allowed
    front = [world]
    for _ in range(CHANGES_MAX):
        reached = [one for known in front for one in _further(known)]
        outcomes = [(one, one.outcome().decision) for one in reached]
        found = [
            Turn(one.changes, f"{decision.effect} ({decision.reason})")
            for one, decision in outcomes
            if decision.allowed is wanted
        ]
        if found:
            return _each_once(found)
        front = reached if wanted else []
    return []


def _further(world: World) -> Iterator[World]:
    yield from (one for one in nearby(world) if len(set(one.changes)) == len(one.changes))


def _each_once(found: list[Turn]) -> list[Turn]:
    """Two changes in either order are one way."""
    return list({(frozenset(turn.changes), turn.answer): turn for turn in reversed(found)}.values())[::-1]
