"""`exchange audit index`: keep the index of a log fresh, so that searches need not."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from exchange.cli.audit.options import Folder
from exchange.cli.console import tell
from exchange.cli.options import AsJson
from exchange.cli.progress import counting

app = typer.Typer()


@app.command()
def index(
    folder: Folder,
    place: Annotated[
        Path | None, typer.Option("--index", metavar="FOLDER", help="Keep it there; else in DIR/index.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on.")] = False,
    every: Annotated[float, typer.Option(min=0.2, max=3600, help="Seconds.")] = 5.0,
    as_json: AsJson = False,
) -> None:
    """Bring the index up to the log, beside the broker that writes it; delete it at will."""
    from exchange.audit.index.build import refresh  # noqa: PLC0415 - a command loads what it uses

    into = place or folder / "index"
    covered = -1
    while True:
        with counting("indexing") as progress:
            now = refresh(folder, into, progress=progress)
        if now != covered:
            covered = now
            _say(into, covered, as_json=as_json)
        if not follow:
            return
        time.sleep(every)


def _say(into: Path, covered: int, *, as_json: bool) -> None:
    if as_json:
        print(f'{{"records":{covered}}}', flush=True)
    else:
        tell(f"{covered:,} records are indexed in {into}")
