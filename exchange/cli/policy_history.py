"""`exchange policy history`: who published what, when and why."""

from __future__ import annotations

from typing import Annotated

import typer

from exchange.cli.console import say
from exchange.cli.options import AsJson, Config

app = typer.Typer()


@app.command()
def history(
    config: Config,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=100, help="At most so many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the newest revisions, and whether a publication has failed since.

    Exit code: 0, also with an alarm: the last good revision keeps serving.
    """
    from exchange.audit.records.record import moment  # noqa: PLC0415 - a command loads what it uses
    from exchange.client.settings import ClientSettings  # noqa: PLC0415
    from exchange.client.steward import history as run  # noqa: PLC0415
    from exchange.config import load  # noqa: PLC0415

    found = run(load(config, ClientSettings), count)
    if as_json:
        print(found.model_dump_json())
        return
    if alarm := found.alarm:
        say(f"ALARM: a publication of {alarm.department} failed at {moment(alarm.at_us)}: {alarm.reason}")
        say(f"  the revision below keeps serving · audit id {alarm.id or 'none'}")
    for one in found.revisions:
        say(f"{one.revision}  {moment(one.at_us)}  {one.department}  {one.message}")
        say(f"  by {one.publisher} · digest {one.digest[:16]} · audit index {one.audit_index}")
