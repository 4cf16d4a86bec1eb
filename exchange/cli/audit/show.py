"""`exchange audit show`: one record whole, or all of one access."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from exchange.audit.index.newest import newest, single
from exchange.audit.records.entry import Entry
from exchange.cli.audit.options import Folder
from exchange.cli.audit.shown import print_json, print_whole
from exchange.cli.console import tell
from exchange.cli.options import AsJson
from exchange.errors import ConfigError

app = typer.Typer()


@app.command()
def show(
    folder: Folder,
    which: Annotated[str, typer.Argument(metavar="INDEX|ID", help="A record's index, or an access id.")],
    as_json: AsJson = False,
) -> None:
    """Show one record whole, or what is recorded of one access. It reads, it does not verify.

    Exit code: 0, or 2 if there is none.
    """
    found, by_id = _find(folder, which)
    if as_json:
        print_json(found)
    else:
        print_whole(found)
    if by_id:
        tell(f"these are all that the log's index knows; search --id {which} --key KEY proves it")


def _find(folder: Path, which: str) -> tuple[list[Entry], bool]:
    """The records, and whether they were asked for by an access id."""
    by_index = which.isascii() and which.isdigit() and len(which) <= 16  # noqa: PLR2004 — an id has 32 digits
    found = single(folder, int(which)) if by_index else newest(folder, last=10_000, access=which)
    if not found:
        raise ConfigError(f"no record {which}", hint="`exchange audit list DIR` shows the newest")
    return found, not by_index
