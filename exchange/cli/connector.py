"""`exchange connector`: a department's data plane as a process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from exchange.cli import logs
from exchange.cli.console import say
from exchange.cli.options import AsJson

app = typer.Typer(no_args_is_help=True, help="A connector: stands beside a department's data and enforces.")


@app.callback()
def _group() -> None:
    """A connector: stands beside a department's data and delivers what a ticket allows, nothing else."""


@app.command("witness-key")
def witness_key(
    config: Annotated[
        Path, typer.Option("--config", "-c", help="The connector's configuration, connector.toml.")
    ],
    as_json: AsJson = False,
) -> None:
    """Show the connector's witness key for the city's trust policy; it is made now if there is none."""
    from exchange.config import load  # noqa: PLC0415 - a command loads what it uses
    from exchange.connector.settings import ConnectorSettings  # noqa: PLC0415
    from exchange.connector.uplink.witness_key import witness_key as open_key  # noqa: PLC0415

    key = open_key(load(config, ConnectorSettings))
    say(json.dumps({"name": key.name, "key": key.text}, ensure_ascii=False) if as_json else key.text)


@app.command()
def serve(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG", help="The connector's configuration, connector.toml.")
    ],
    log_json: Annotated[bool, typer.Option("--log-json", help="Log one JSON object a line.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log more.")] = False,
) -> None:
    """Serve until SIGTERM or Ctrl-C, then drain and end."""
    from exchange.config import load  # noqa: PLC0415 - a client's commands need none of it
    from exchange.connector.server import serve as run  # noqa: PLC0415
    from exchange.connector.settings import ConnectorSettings  # noqa: PLC0415

    logs.set_up(as_json=log_json, verbose=verbose)
    run(load(config, ConnectorSettings))
