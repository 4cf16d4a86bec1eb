"""`exchange audit list`: the newest records, as they stand in the files."""

from __future__ import annotations

from typing import Annotated

import typer

from exchange.audit.index.newest import newest
from exchange.cli.audit.options import Folder
from exchange.cli.audit.shown import print_json, print_table
from exchange.cli.options import AsJson

app = typer.Typer()


@app.command(name="list")
def list_records(
    folder: Folder,
    access: Annotated[str, typer.Option("--id", help="Access id.")] = "",
    subject: Annotated[str, typer.Option(help="Part of a SPIFFE id.")] = "",
    dataset: Annotated[str, typer.Option(help="Dataset id.")] = "",
    last: Annotated[int, typer.Option(min=1, max=100_000, help="So many, the newest.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show the newest records as a table. It reads, it does not verify. Exit code: 0, or 2 if unreadable."""
    found = newest(folder, last=last, access=access, subject=subject, dataset=dataset)
    if as_json:
        print_json(found)
    else:
        print_table(found)
