"""`exchange policy verify-bundle`: is a signed bundle genuine? Needs the city's roots, and no network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from exchange.cli.console import say
from exchange.cli.options import AsJson

app = typer.Typer()


@app.command()
def verify_bundle(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="As exchange policy bundle wrote it.")],
    roots: Annotated[Path, typer.Option("--roots", metavar="FILE", help="The city's roots, PEM.")],
    trust_domain: Annotated[
        str, typer.Option("--trust-domain", metavar="NAME", help="The city's, for example zhongshui.example.")
    ],
    at: Annotated[
        str, typer.Option("--at", metavar="TIME", help="When certificates must be valid; now if left out.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Verify who signed the bundle and that nothing in it was altered. Exit code: 0 genuine, 1 not."""
    from exchange.client.signed_bundle import from_file, verify  # noqa: PLC0415 - a command loads what it uses
    from exchange.security.receipts import Trust  # noqa: PLC0415

    signed = from_file(file)
    verify(signed, Trust.load(roots, None, trust_domain), _moment_us(at))
    if as_json:
        print(signed.to_json())
        return
    say(f"genuine: {signed.signer} signed {len(signed.files)} files of {signed.department}, {signed.created}")
    say(f"  why: {signed.message}")
    say(f"  content {signed.content} · for the revision after {signed.previous}")


def _moment_us(text: str) -> int:
    import datetime as dt  # noqa: PLC0415 - a command loads what it uses

    if not text:
        return int(dt.datetime.now(dt.UTC).timestamp() * 1e6)
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise typer.BadParameter(f"{text!r} is not a time; write it as 2026-12-31T16:00:00+08:00")
    return int(found.timestamp() * 1e6)
