"""`exchange policy explain`: why a decision falls as it does, or fell as it did."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from exchange.cli.console import say, tell
from exchange.cli.options import AsJson
from exchange.cli.policy_options import POLICIES, At, Dir, SchemasFile, SomeConfig, city, known, moment
from exchange.cli.policy_sources import check_published, decision, revision
from exchange.errors import ConfigError
from exchange.policy.questions.assumed import Schemas
from exchange.policy.questions.explain import Explanation
from exchange.policy.questions.explain import explain as explained
from exchange.policy.questions.matrix import Asked, Asker
from exchange.policy.questions.past import replay
from exchange.policy.questions.what import party_of
from exchange.policy.questions.who import near_dataset, unknown
from exchange.policy.questions.wording import obligations_json
from exchange.policy.questions.worlds import World

State = Annotated[str, typer.Option("--state", help="The city's operating state.")]


def explain(  # noqa: PLR0917 -- an option each
    subject: Annotated[str, typer.Argument(help="A system: emergency/dispatch, or its SPIFFE id.")] = "",
    dataset: Annotated[str, typer.Argument(help="For example port.flights.")] = "",
    purpose: Annotated[str, typer.Option(help="For example emergency-response.")] = "",
    columns: Annotated[str, typer.Option(help="Comma-separated; all that are allowed if left out.")] = "",
    where: Annotated[str, typer.Option(help="The consumer's predicate.")] = "",
    folder: Dir = POLICIES,
    at: At = "",
    state: State = "normal",
    schemas: SchemasFile = None,
    access: Annotated[str, typer.Option("--id", help="A past decision, by its access id.")] = "",
    audit: Annotated[
        Path | None, typer.Option("--audit", metavar="DIR", help="A copy of the log that holds it.")
    ] = None,
    revisions: Annotated[
        Path | None,
        typer.Option("--revisions", metavar="DIR", help="Policy folders by revision: DIR/12/city.toml."),
    ] = None,
    config: SomeConfig = None,
    as_json: AsJson = False,
) -> None:
    """Say how a decision falls, which rule in which file and line made it so, and what would turn it.

    Exit code: 0 allowed, 1 refused.
    """
    if access:
        world, notes = _past(access, audit, revisions, config, schemas)
    elif subject and dataset and purpose:
        asked = tuple(name.strip() for name in columns.split(",") if name.strip())
        files, bundle = city(folder)
        asker = Asker(bundle, Schemas(bundle, known(schemas, files, bundle)), moment(at))
        question = Asked(party_of(bundle, subject), dataset, purpose, state, asked, where)
        world, notes = World(files, asker, question), _notes(asker, dataset)
    else:
        raise ConfigError(
            "there is nothing to explain", hint="SUBJECT DATASET --purpose P, or --id ACCESS_ID"
        )
    found = explained(world)
    if as_json:
        print(json.dumps(_json(found, notes), ensure_ascii=False))
    else:
        for line in found.lines:
            say(line)
        for note in notes:
            tell(f"note: {note}")
    raise typer.Exit(0 if found.outcome.decision.allowed else 1)


def _past(
    access: str, audit: Path | None, revisions: Path | None, config: Path | None, schemas: Path | None
) -> tuple[World, tuple[str, ...]]:
    record, published = decision(access, audit, config)
    files, bundle = revision(int(record.fields["revision"]), revisions, config)
    check_published(bundle, published, audit)
    found = replay({**record.fields, "time": record.time}, files, bundle, known(schemas, files, bundle))
    return found.world, found.notes


def _notes(asker: Asker, dataset: str) -> tuple[str, ...]:
    if asker.bundle.classified(dataset) is None:
        return (f"{unknown(dataset)}; {near_dataset(asker.bundle, dataset)}".removesuffix("; "),)
    guessed = asker.schemas.assumes(dataset)
    note = "column types are assumed; cases/schemas.yaml or --schemas FILE says what is registered"
    return (note,) if guessed else ()


def _json(found: Explanation, notes: tuple[str, ...]) -> dict[str, Any]:
    decision = found.outcome.decision
    obligations = decision.obligations
    return {
        "decision": decision.effect.value,
        "reason": decision.reason,
        "revision": decision.revision,
        "steps": [
            {"name": one.name, "passed": one.passed, "rules": list(one.rules), "why": one.why}
            for one in found.outcome.steps
        ],
        "columns": [
            {"name": one.name, "shown": one.shown, "rules": list(one.rules), "without": one.without}
            for one in found.columns
        ],
        "obligations": obligations_json(obligations) if obligations is not None else None,
        "other_answer": [{"changes": list(one.changes), "answer": one.answer} for one in found.turns],
        "notes": list(notes),
    }
