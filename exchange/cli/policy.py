"""`exchange policy`: what a steward does with policy files before anybody else sees them."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from exchange.errors import ConfigError, ExchangeError, PolicyInvalid
from exchange.model.dataset import Column, Dataset
from exchange.model.request import ReadRequest
from exchange.model.subject import Kind, Subject, spiffe_id
from exchange.policy.bundle import Bundle, load
from exchange.policy.decide import decide
from exchange.policy.explain import explain as trace
from exchange.policy.facts import Facts
from exchange.policy.files.tree import read_tree
from exchange.policy.files.vocabulary import SYSTEM

app = typer.Typer(no_args_is_help=True, help="Check and explain policy files.")

Folder = Annotated[Path, typer.Argument(help="The folder that holds city.toml.")]
_REVISION = 1
_TRACE_ID = "0" * 32


@app.command()
def check(
    folder: Folder,
    as_json: Annotated[bool, typer.Option("--json", help="Answer as JSON, for a steward's CI.")] = False,
) -> None:
    """Find what would fail open or never match; exit code 1 names its file, line and mend."""
    try:
        bundle = load(read_tree(folder), _REVISION)
    except PolicyInvalid as error:
        typer.echo(
            json.dumps(_problem(error), ensure_ascii=False) if as_json else str(error), err=not as_json
        )
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(json.dumps({"ok": True, "digest": bundle.digest, "problems": []}))
        return
    datasets = sum(len(part.datasets) for part in bundle.parts.values())
    typer.echo(f"sound: {len(bundle.parts)} departments, {datasets} datasets, digest {bundle.digest[:16]}")


@app.command()
def explain(  # noqa: PLR0917 -- an option each
    folder: Folder,
    subject: Annotated[str, typer.Argument(help="A system: emergency/dispatch, or its SPIFFE id.")],
    dataset: Annotated[str, typer.Argument(help="For example port.flights.")],
    purpose: Annotated[str, typer.Option(help="For example emergency-response.")],
    columns: Annotated[str, typer.Option(help="Comma-separated; all that are allowed if left out.")] = "",
    where: Annotated[str, typer.Option(help="The consumer's predicate.")] = "",
    schema: Annotated[Path | None, typer.Option(help='JSON: {"column": "arrow type", ...}.')] = None,
    at: Annotated[str, typer.Option(help="ISO 8601 with offset; now if left out.")] = "",
    state: Annotated[str, typer.Option(help="The city's operating state.")] = "normal",
) -> None:
    """Say how a decision falls and which rule in which file and line made it so; exit code 1 on a denial."""
    try:
        bundle = load(read_tree(folder), _REVISION)
        facts = Facts(
            subject=_subject(subject, bundle),
            dataset=None if schema is None else _dataset(dataset, schema),
            request=ReadRequest(
                dataset=dataset,
                purpose=purpose,
                columns=tuple(name.strip() for name in columns.split(",") if name.strip()),
                where=where,
                trace_id=_TRACE_ID,
            ),
            action="read",
            now=_time(at),
            state=state,
        )
    except ExchangeError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    outcome = decide(bundle, facts)
    for line in trace(outcome):
        typer.echo(line)
    if schema is None and outcome.decision.reason == "dataset-unregistered":
        typer.echo("hint: both gates opened; --schema FILE shows columns, masks and rows")
    raise typer.Exit(0 if outcome.decision.allowed else 1)


def _problem(error: PolicyInvalid) -> dict[str, object]:
    return {"ok": False, "problems": [{"message": error.public, "hint": error.hint}]}


def _subject(text: str, bundle: Bundle) -> Subject:
    if not text.startswith(SYSTEM):
        department, _, name = text.partition("/")
        text = spiffe_id(bundle.words.trust_domain, department, Kind.SYSTEM, name)
    return Subject.parse(text, bundle.words.trust_domain)


def _dataset(id_: str, path: Path) -> Dataset:
    try:
        types = json.loads(path.read_text(encoding="utf-8"))
        columns = tuple(Column(name=name, type=kind) for name, kind in types.items())
        return Dataset(id=id_, title=id_, columns=columns)
    except (OSError, ValueError, AttributeError, ValidationError) as error:
        raise ConfigError(
            f"{path} holds no schema: {type(error).__name__}", hint='write {"column": "arrow type", ...}'
        ) from None


def _time(text: str) -> dt.datetime:
    if not text:
        return dt.datetime.now(dt.UTC)
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ConfigError(f"{text!r} is not a time", hint="write it as 2026-12-31T16:00:00+08:00")
    return moment
