"""`exchange catalogue`: what this system may see."""

from __future__ import annotations

import json

import typer

from exchange.cli.console import say, tell
from exchange.cli.options import AsJson, Config

app = typer.Typer()


@app.command()
def catalogue(config: Config, as_json: AsJson = False) -> None:
    """Show the datasets you hold a grant for, and for which purposes; there are no others for you."""
    from exchange.client.city import connect  # noqa: PLC0415 - a command loads what it uses

    with connect(config) as city:
        found = city.datasets()
    if as_json:
        for entry in found:
            print(json.dumps(entry.model_dump(mode="json"), ensure_ascii=False))
        return
    say(repr(found))
    tell(f"policy revision {found.revision}")
