"""`exchange policy who` and `what`: all who can see a dataset, all that a subject can see."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from exchange.cli.console import say, tell
from exchange.cli.options import AsJson
from exchange.cli.policy_options import POLICIES, At, Dir, SchemasFile, asker
from exchange.policy.bundle import Bundle
from exchange.policy.questions import what as subjects
from exchange.policy.questions import who as datasets
from exchange.policy.questions.parties import by_pattern
from exchange.policy.questions.sight import Sight
from exchange.policy.questions.wording import summary


def who(
    dataset: Annotated[str, typer.Argument(help="For example port.flights.")],
    column: Annotated[str, typer.Argument(help="Only who sees this column.")] = "",
    folder: Dir = POLICIES,
    at: At = "",
    schemas: SchemasFile = None,
    as_json: AsJson = False,
) -> None:
    """Say who can see a dataset or a column, for which purpose and under which obligations.

    Exact, from the policy itself. `emergency/*` is any system of that department that no rule names.
    """
    found = asker(folder, at, schemas)
    seen = datasets.who(found, dataset, column)
    _answer(
        found.bundle, seen, as_json=as_json, nobody=f"nobody can see {dataset} {column}".strip(), by="who"
    )


def what(
    subject: Annotated[
        str, typer.Argument(help="emergency/dispatch, a SPIFFE id, a department, or role:researcher.")
    ],
    folder: Dir = POLICIES,
    at: At = "",
    schemas: SchemasFile = None,
    as_json: AsJson = False,
) -> None:
    """Say all that a system, a department or a role's players can see, and under which obligations."""
    found = asker(folder, at, schemas)
    seen = subjects.what(found, subject)
    _answer(found.bundle, seen, as_json=as_json, nobody=f"{subject} can see nothing", by="what")


def _answer(bundle: Bundle, seen: list[Sight], *, as_json: bool, nobody: str, by: str) -> None:
    if as_json:
        print(json.dumps([sight.to_json() for sight in seen], ensure_ascii=False))
        return
    if not seen:
        say(nobody)
    heading = ""
    for sight in seen:
        if heading != (heading := sight.dataset if by == "what" else sight.party):
            say(heading)
        what_for = sight.purpose if by == "who" else f"{sight.purpose}, by {sight.party}"
        states = "in every state" if sight.every_state else f"while the state is {', '.join(sight.states)}"
        say(f"  {what_for} · {states}")
        for line in summary(sight.obligations):
            say(f"    {line}")
    if by_pattern(bundle):
        tell("note: a condition hands a subject's id or name to a function; systems it tells apart by that")
        tell("      are not listed one by one")
