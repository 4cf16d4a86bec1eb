"""Small changes to a question or a policy, each really made, so that the other answer is found by trying."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from exchange.errors import PolicyInvalid
from exchange.policy.bundle import Bundle, load
from exchange.policy.decide import department_term
from exchange.policy.engines.protocol import GrantQuestion
from exchange.policy.engines.stewards import STEWARDS
from exchange.policy.facts import Outcome
from exchange.policy.files.classification import Classified, Grade, Sharing
from exchange.policy.files.grants import ACTION
from exchange.policy.files.source import Place
from exchange.policy.files.tree import DEPARTMENTS, PolicyTree
from exchange.policy.questions.matrix import Asked, Asker


@dataclass(frozen=True)
class World:
    """A policy as files and bundle, a moment, and a question; with what was changed to get here."""

    files: PolicyTree
    asker: Asker
    asked: Asked
    changes: tuple[str, ...] = ()

    def outcome(self) -> Outcome:
        """How this world answers."""
        return self.asker.outcome(self.asked)

    def but(self, change: str, **parts: object) -> World:
        """This world with one change more."""
        return replace(self, changes=(*self.changes, change), **parts)  # type: ignore[arg-type]


def nearby(world: World) -> Iterator[World]:
    """Every world that is one change away, those that change the question before those that change policy."""
    yield from _other_question(world)
    yield from _other_time(world)
    yield from _other_grants(world)
    yield from _other_dataset(world)


def _other_question(world: World) -> Iterator[World]:
    asked, words = world.asked, world.asker.bundle.words
    for purpose in sorted(words.purposes.keys() - {asked.purpose}):
        yield world.but(f"ask for purpose {purpose}", asked=replace(asked, purpose=purpose))
    for state in sorted(words.states - {asked.state}):
        yield world.but(f"while the city's state is {state}", asked=replace(asked, state=state))
    for name in asked.columns if len(asked.columns) > 1 else ():
        rest = tuple(column for column in asked.columns if column != name)
        yield world.but(f"ask without column {name}", asked=replace(asked, columns=rest))
    if asked.columns:
        yield world.but("ask for all columns that are allowed", asked=replace(asked, columns=()))
    if asked.where:
        yield world.but("ask without the predicate", asked=replace(asked, where=""))


def _other_time(world: World) -> Iterator[World]:
    """The moments at which some obligation on the dataset begins or ends."""
    bundle, now = world.asker.bundle, world.asker.now
    rules = bundle.obligations(world.asked.dataset)
    edges = {edge for rule in rules for edge in (rule.valid_from, rule.valid_until) if edge is not None}
    for edge in sorted(edges, key=lambda edge: abs(edge - now)):
        if edge > now:
            yield world.but(f"from {edge.isoformat()} on", asker=Asker(bundle, world.asker.schemas, edge))


def _other_grants(world: World) -> Iterator[World]:
    asked, bundle = world.asked, world.asker.bundle
    subject = asked.party.subject
    question = GrantQuestion(subject.id, department_term(subject), asked.dataset, ACTION, asked.purpose)
    answer = bundle.grants.ask(question)
    places = [rule.place for rule in answer.rules]
    if answer.rules:
        yield from _without_lines(world, places)
    elif not answer.opened and bundle.classified(asked.dataset) is not None:
        line = f"p, {subject.id}, {asked.dataset}, read, {asked.purpose}, allow"
        file = f"{DEPARTMENTS}/{asked.dataset.partition('.')[0]}/grants.csv"
        content = world.files.get(file, b"").rstrip(b"\n") + f"\n{line}\n".encode()
        yield from _edited(world, f"add to {file}: {line}", {file: content})


def _without_lines(world: World, places: Sequence[Place]) -> Iterator[World]:
    """Without the lines that decided; all of them, since each alone would decide the same."""
    contents: dict[str, bytes] = {}
    for place in places:
        lines = contents.get(place.file, world.files[place.file]).split(b"\n")
        lines[place.line - 1] = b"#"
        contents[place.file] = b"\n".join(lines)
    yield from _edited(world, f"remove {', '.join(map(str, places))}", contents)


def _edited(world: World, change: str, contents: dict[str, bytes]) -> Iterator[World]:
    files = {**world.files, **contents}
    bundle = world.asker.bundle
    try:
        changed = load(files, bundle.revision, previous=bundle, engine=STEWARDS)
    except PolicyInvalid:
        return
    yield world.but(change, files=files, asker=_asking(world.asker, changed))


def _asking(asker: Asker, bundle: Bundle) -> Asker:
    return Asker(bundle, asker.schemas.for_bundle(bundle), asker.now)


def _other_dataset(world: World) -> Iterator[World]:
    """Another sharing type or grade: not to be bent to a wish, but often the reason why."""
    bundle, id_ = world.asker.bundle, world.asked.dataset
    classified = bundle.classified(id_)
    if classified is None:
        return
    values = {"sharing": [each.value for each in Sharing], "grade": [each.value for each in Grade]}
    for key, offered in values.items():
        for value in offered:
            if value != classified.attributes[key]:
                changed = replace(classified, attributes={**classified.attributes, key: value})
                yield world.but(
                    f"were the dataset's {key} {value} ({classified.place})",
                    asker=_asking(world.asker, _with(bundle, changed)),
                )


def _with(bundle: Bundle, classified: Classified) -> Bundle:
    department = classified.id.partition(".")[0]
    part = bundle.parts[department]
    part = replace(part, datasets={**part.datasets, classified.id: classified})
    return replace(bundle, parts={**bundle.parts, department: part})
