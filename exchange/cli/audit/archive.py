"""`exchange audit archive`: sealed segments, packed, in another place."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer

from exchange.cli.audit.options import Folder, Key, public_key
from exchange.cli.console import say
from exchange.cli.options import AsJson
from exchange.cli.progress import counting

app = typer.Typer()


@app.command()
def archive(
    folder: Folder,
    to: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="The archive; made if it is missing.")],
    key: Key,
    as_json: AsJson = False,
) -> None:
    """Bring an archive of the log up to date; what is there already is not copied again.

    Each sealed segment is read back and compared with its seal. It can run beside the broker. Exit code: 0, 1
    if a segment is not the one that was sealed, 2 if the log or the archive cannot be used.
    """
    from exchange.audit.keeping.archive import archive as run  # noqa: PLC0415 - a command loads what it uses

    with counting("segments") as progress:
        done = run(folder, to, public_key(key), progress=progress)
    if as_json:
        print(json.dumps(dataclasses.asdict(done)))
        return
    say(f"{done.records:,} records are in {to}: {done.segments} segments copied, {done.held} were there")
    if done.length:
        say(f"  {done.length:,} bytes take {done.stored:,}")
