"""`exchange audit fetch`: a copy of the log to verify."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from exchange.cli.console import say
from exchange.cli.options import AsJson, Config
from exchange.cli.progress import counting

app = typer.Typer()


@app.command()
def fetch(
    config: Config,
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="A new folder for the copy.")],
    as_json: AsJson = False,
) -> None:
    """Copy the log up to its latest signed checkpoint; `exchange audit verify` then judges the copy."""
    from exchange.client.auditor import fetch as run  # noqa: PLC0415 - a command loads what it uses
    from exchange.client.settings import ClientSettings  # noqa: PLC0415
    from exchange.config import load  # noqa: PLC0415

    with counting("records") as progress:
        done = run(load(config, ClientSettings), out, progress=progress)
    if as_json:
        print(done.model_dump_json())
        return
    say(f"{done.records:,} records of {done.origin} are in {out}")
    say(f"  next: exchange audit verify {out} --key KEY")
