"""`exchange audit restore`: an archive becomes a log's folder again."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer

from exchange.cli.console import say
from exchange.cli.options import AsJson
from exchange.cli.progress import counting

app = typer.Typer()


@app.command()
def restore(
    archive: Annotated[Path, typer.Argument(metavar="ARCHIVE", help="The archive's folder.")],
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="A new folder for the log.")],
    as_json: AsJson = False,
) -> None:
    """Unpack an archive; `exchange audit verify` then judges the folder.

    Exit code: 0, 1 if a packed segment is damaged, 2 if there is no archive or the folder cannot be used.
    """
    from exchange.audit.keeping.restore import restore as run  # noqa: PLC0415 - a command loads what it uses

    with counting("segments") as progress:
        done = run(archive, to, progress=progress)
    if as_json:
        print(json.dumps(dataclasses.asdict(done)))
        return
    say(f"{done.segments} segments, {done.length:,} bytes, are in {to}")
    say(f"  next: exchange audit verify {to} --key KEY")
