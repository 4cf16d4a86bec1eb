"""A decision as text that a steward can follow: each step, the rules that spoke, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from exchange.model.obligation import Obligations
from exchange.model.predicate_sql import render
from exchange.policy.facts import Outcome, Step
from exchange.policy.files.rules import Demand
from exchange.policy.questions.columns import ColumnStory, column_stories
from exchange.policy.questions.conditions import unmet
from exchange.policy.questions.counterfactual import Turn, turns
from exchange.policy.questions.places import Places
from exchange.policy.questions.wording import limits
from exchange.policy.questions.worlds import World

_WIDTH = 13


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a decision fell as it did.

    Attributes:
        outcome: of `decide`.
        lines: the trace for people.
        columns: column by column, where the read is allowed or fails only by its columns.
        turns: what would have to change for the other answer.
    """

    outcome: Outcome
    lines: tuple[str, ...]
    columns: tuple[ColumnStory, ...]
    turns: tuple[Turn, ...]


def explain(world: World) -> Explanation:
    """The explanation of the world's question, by the world's policy, at its moment."""
    outcome, places = world.outcome(), Places(world.files)
    columns = tuple(_columns(world, outcome))
    found = tuple(turns(world))
    lines = (*_trace(world, outcome, places), *_effects(outcome, columns, places), *_turns(outcome, found))
    return Explanation(outcome, lines, columns, found)


def _trace(world: World, outcome: Outcome, places: Places) -> Iterator[str]:
    for step in outcome.steps:
        mark = "passed" if step.passed else "STOPPED"
        yield _line(step.name, f"{mark}{f'  {step.why}' if step.why else ''}")
        for rule in step.rules:
            yield _line("", f"by {_quoted(rule, places)}")
        if step.name == "grants" and not step.passed and not step.rules:
            yield _line("", f"no line grants {world.asked.dataset} for {world.asked.purpose} to it")
        yield from _unmet(world, outcome, step, places)
    decision = outcome.decision
    yield _line("decision", f"{decision.effect.upper()} ({decision.reason}), revision {decision.revision}")


def _unmet(world: World, outcome: Outcome, step: Step, places: Places) -> Iterator[str]:
    classified = world.asker.bundle.classified(world.asked.dataset)
    if (
        step.name == "conditions"
        and outcome.decision.reason == "condition-not-met"
        and classified is not None
    ):
        for place in unmet(world.asker.bundle, world.asker.facts(world.asked), classified):
            yield _line("", f"not fulfilled: {place}: {places.line(*place)}")


def _quoted(rule: str, places: Places) -> str:
    """Where the rule stands; of a grant also the line itself, which says all."""
    file, _, number = rule.rpartition(":")
    if file.endswith(".csv") and number.isdigit():
        return f"{rule}: {places.line(file, int(number))}"
    return places.of(rule)


def _columns(world: World, outcome: Outcome) -> Iterator[ColumnStory]:
    bundle, id_ = world.asker.bundle, world.asked.dataset
    classified, dataset = bundle.classified(id_), world.asker.facts(world.asked).dataset
    told = outcome.decision.allowed or outcome.decision.reason == "column-unknown"
    if told and classified is not None and dataset is not None:
        owner = world.asked.party.subject.department == dataset.department
        stories = column_stories(bundle, classified, dataset, outcome.demands, owner=owner)
        asked = world.asked.columns
        yield from (story for story in stories if not asked or story.name in asked)


def _effects(outcome: Outcome, columns: tuple[ColumnStory, ...], places: Places) -> Iterator[str]:
    obligations = outcome.decision.obligations
    plain = [story.name for story in columns if not story.rules]
    if plain:
        yield _line("plain", ", ".join(plain))
    for story in columns:
        if story.rules:
            yield _line("column", f"{story.name}  {story.shown}")
            for rule in story.rules:
                yield _line("", f"  by {places.of(rule)}")
            yield _line("", f"  without {'it' if len(story.rules) == 1 else 'them'}: {story.without}")
    if obligations is not None:
        yield from _rows(obligations, outcome.demands, places)
        for text in limits(obligations):
            yield _line("limit", text)
    if outcome.where is not None:
        yield _line("asked rows", render(outcome.where))


def _rows(obligations: Obligations, demands: tuple[Demand, ...], places: Places) -> Iterator[str]:
    if obligations.row_filter is not None:
        yield _line("rows", render(obligations.row_filter))
        yield from (_line("", f"  by {places.of(one.id)}") for one in demands if one.rows is not None)


def _turns(outcome: Outcome, found: tuple[Turn, ...]) -> Iterator[str]:
    other = "refused" if outcome.decision.allowed else "allowed"
    if not found:
        yield f"nothing that was tried would have it {other}: other purposes, states, times, grants, columns"
        return
    yield f"it would be {other}:"
    for turn in found:
        yield f"  - {'; and '.join(turn.changes)}  -> {turn.answer}"


def _line(name: str, text: str) -> str:
    return f"{name:<{_WIDTH}}{text}"
