"""`exchange broker`: the control plane as a process."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from exchange.cli import logs

app = typer.Typer(no_args_is_help=True, help="The broker: knows the datasets, decides, keeps the audit log.")


@app.callback()
def _group() -> None:
    """The broker: knows the datasets, decides, keeps the audit log. Data never passes through it."""


@app.command()
def serve(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG", help="The broker's configuration, broker.toml.")
    ],
    log_json: Annotated[bool, typer.Option("--log-json", help="Log one JSON object a line.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log more.")] = False,
) -> None:
    """Serve until SIGTERM or Ctrl-C, then drain and end."""
    from exchange.broker.server import serve as run  # noqa: PLC0415 - a client's commands need none of it
    from exchange.broker.settings import BrokerSettings  # noqa: PLC0415
    from exchange.config import load  # noqa: PLC0415

    logs.set_up(as_json=log_json, verbose=verbose)
    run(load(config, BrokerSettings))
