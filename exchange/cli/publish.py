"""`exchange policy publish`: put a department's policy files into force."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from exchange.cli.console import say
from exchange.cli.options import AsJson, Config

app = typer.Typer()


@app.command()
def publish(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The policy tree, with city.toml.")],
    config: Config,
    message: Annotated[str, typer.Option("--message", "-m", help="Why; it stands in the audit log.")],
    as_json: AsJson = False,
) -> None:
    """Check the folder, sign your department's files and put them into force, at once and as a whole.

    Only the files of the department in your certificate are sent. Exit code: 0 in force, 1 a file is wrong.
    """
    from exchange.client.settings import ClientSettings  # noqa: PLC0415 - a command loads what it uses
    from exchange.client.steward import publish as run  # noqa: PLC0415
    from exchange.config import load  # noqa: PLC0415

    done = run(load(config, ClientSettings), folder, message)
    if as_json:
        print(json.dumps(done.model_dump(mode="json"), ensure_ascii=False))
        return
    say(f"revision {done.revision} is in force ({done.department}: {', '.join(done.files)})")
    say(f"  before it {done.previous} · digest {done.digest[:16]}")
