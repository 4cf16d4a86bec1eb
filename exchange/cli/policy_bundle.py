"""`exchange policy bundle`: a department's files and its steward's signature in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from exchange.cli.console import say
from exchange.cli.options import AsJson, Config
from exchange.cli.publish import Why

app = typer.Typer()


@app.command()
def bundle(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The policy tree, with city.toml.")],
    config: Config,
    message: Why,
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="A new file, for example port.bundle.tar.")
    ],
    as_json: AsJson = False,
) -> None:
    """Check the folder and sign your department's files, to be published later by any of its stewards.

    It can be published while the present revision stays in force and your certificate is valid.
    """
    from exchange.client.settings import ClientSettings  # noqa: PLC0415 - a command loads what it uses
    from exchange.client.signed_bundle import to_bytes  # noqa: PLC0415
    from exchange.client.steward import bundle as run  # noqa: PLC0415
    from exchange.config import load  # noqa: PLC0415
    from exchange.errors import ConfigError  # noqa: PLC0415

    signed = run(load(config, ClientSettings), folder, message)
    try:
        with out.open("xb") as file:
            file.write(to_bytes(signed))
    except OSError as error:
        raise ConfigError(
            f"{out} cannot be written: {(error.strerror or str(error)).lower()}", hint="name a new file"
        ) from None
    if as_json:
        print(signed.to_json())
        return
    say(f"{out} holds {len(signed.files)} files of {signed.department}, signed by {signed.signer}")
    say(f"  content {signed.content[:16]} · for the revision after {signed.previous}")
    say(f"  next: exchange policy publish {out} --config {config}")
