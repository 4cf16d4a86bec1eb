"""`exchange policy`: what a steward does with policy files before anybody else sees them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from exchange.cli import policy_explain, policy_simulate, policy_who
from exchange.errors import PolicyInvalid
from exchange.policy.bundle import load
from exchange.policy.files.tree import read_tree

app = typer.Typer(no_args_is_help=True, help="Check, explain and simulate policy files.")
app.command()(policy_explain.explain)
app.command()(policy_who.who)
app.command()(policy_who.what)
app.command()(policy_simulate.simulate)

Folder = Annotated[Path, typer.Argument(help="The folder that holds city.toml.")]
_REVISION = 1


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


def _problem(error: PolicyInvalid) -> dict[str, object]:
    return {"ok": False, "problems": [{"message": error.public, "hint": error.hint}]}
