"""`exchange policy rollback`: an old revision's files, published again."""

from __future__ import annotations

from typing import Annotated

import typer

from exchange.cli.options import AsJson, Config
from exchange.cli.publish import Why, tell_published

app = typer.Typer()


@app.command()
def rollback(
    revision: Annotated[int, typer.Argument(metavar="REVISION", min=1, help="As the history names it.")],
    config: Config,
    message: Why,
    as_json: AsJson = False,
) -> None:
    """Publish your department's files as they stood in REVISION, under a new revision.

    Other departments' files stay as they are. Old files must pass the checks of today.
    """
    from exchange.client.settings import ClientSettings  # noqa: PLC0415 - a command loads what it uses
    from exchange.client.steward import rollback as run  # noqa: PLC0415
    from exchange.config import load  # noqa: PLC0415

    tell_published(run(load(config, ClientSettings), revision, message), as_json=as_json)
