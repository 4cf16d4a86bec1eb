"""`exchange policy publish`: put a department's policy files into force."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from exchange.cli.console import say
from exchange.cli.options import AsJson, Config

if TYPE_CHECKING:
    from exchange.client.steward import Published

app = typer.Typer()

Why = Annotated[str, typer.Option("--message", "-m", help="Why; it stands in the audit log.")]


@app.command()
def publish(
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help="The policy tree, with city.toml; or a signed bundle.")
    ],
    config: Config,
    message: Annotated[
        str, typer.Option("--message", "-m", help="Why; it stands in the audit log. A bundle has its own.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Check the folder, sign your department's files and put them into force, at once and as a whole.

    Only the files of the department in your certificate are sent; a steward of the city sends the city's own.
    Exit code: 0 in force, 1 a file is wrong, a case fails or a signature does not hold.
    """
    from exchange.client import signed_bundle, steward  # noqa: PLC0415 - a command loads what it uses
    from exchange.client.settings import ClientSettings  # noqa: PLC0415
    from exchange.config import load  # noqa: PLC0415

    settings = load(config, ClientSettings)
    if source.is_file():
        if message:
            raise typer.BadParameter("a signed bundle has its own message; leave --message out")
        tell_published(steward.publish_bundle(settings, signed_bundle.from_file(source)), as_json=as_json)
        return
    if not message:
        raise typer.BadParameter("say why you publish: --message TEXT")
    tell_published(steward.publish(settings, source, message), as_json=as_json)


def tell_published(done: Published, *, as_json: bool) -> None:
    """What came into force, for people or programs."""
    if as_json:
        print(done.model_dump_json())
        return
    say(f"revision {done.revision} is in force ({done.department}: {', '.join(done.files)})")
    say(f"  before it {done.previous} · digest {done.digest[:16]}")
