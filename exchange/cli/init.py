"""`exchange init`: a new city that runs, to read and to edit."""

from __future__ import annotations

import json
import secrets
import shutil
from pathlib import Path
from typing import Annotated

import typer

from exchange.cli.console import because, say
from exchange.cli.options import AsJson
from exchange.cli.scaffold import Plan, write_city
from exchange.errors import ConfigError
from exchange.model.clock import SystemClock

app = typer.Typer()


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    trust_domain: Annotated[
        str, typer.Option("--trust-domain", help="The city's name, a lower-case DNS name.")
    ] = "zhongshui.example",
    department: Annotated[
        list[str] | None, typer.Option("--department", help="Repeat it; port and emergency if left out.")
    ] = None,
    port: Annotated[
        int, typer.Option("--port", help="The broker's; the connectors take those after it.")
    ] = 7400,
    as_json: AsJson = False,
) -> None:
    """Write a working configuration: certificates, a broker, a connector for each department, policies.

    Everything is text with comments. README.txt in the folder names the next commands.
    """
    departments = tuple(department or ("port", "emergency"))
    plan = Plan(trust_domain, departments, port, SystemClock().now_us())
    plan.check()
    create(folder, plan)
    if as_json:
        print(json.dumps({"folder": str(folder), "departments": departments}, ensure_ascii=False))
        return
    say(f"a city with {len(departments)} departments is in {folder}: {', '.join(departments)}")
    say(f"  next: see {folder / 'README.txt'}")


def create(folder: Path, plan: Plan) -> None:
    """Write the city beside the folder and move it there: it is there whole or not at all.

    Raises:
        ConfigError: the folder holds something, or cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder} is not empty", hint="name a new folder; nothing is ever overwritten")
    place = folder.resolve()
    partial = place.with_name(f".{place.name}.{secrets.token_hex(4)}.part")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        partial.mkdir(mode=0o700)
        write_city(partial, plan)
        partial.replace(place)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written: {because(error)}") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
