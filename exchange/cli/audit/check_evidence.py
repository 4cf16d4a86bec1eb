"""`exchange audit check-evidence`: what an evidence file proves."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from exchange.cli.audit.options import read_bytes
from exchange.cli.audit.trusting import MaybeKey, Trust, trust_policy
from exchange.cli.console import say
from exchange.cli.options import AsJson

if TYPE_CHECKING:
    from exchange.audit.evidence.check import Proof

NOT_PROVEN = 1

app = typer.Typer()


@app.command(name="check-evidence")
def check_evidence(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `exchange audit prove` wrote.")],
    key: MaybeKey = "",
    trust: Trust = None,
    roots: Annotated[
        Path | None,
        typer.Option("--roots", metavar="FILE", help="The city's roots, PEM: signers must lead to them."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Verify evidence from the file and the key, or a trust policy, alone.

    No file can prove that the log holds no further record of an access: `search --id ID --key KEY` on the
    log does. Exit code: 0 proven, 1 not proven, 2 the file, key or policy cannot be read.
    """
    from exchange.audit.evidence.check import check_evidence as check  # noqa: PLC0415 - loads what it uses
    from exchange.audit.evidence.form import BYTES_MAX  # noqa: PLC0415

    proof = check(read_bytes(file, BYTES_MAX), trust_policy(key, trust))
    if roots is not None:
        from exchange.cli.audit.signers import led_to_roots  # noqa: PLC0415

        proof = led_to_roots(proof, roots)
    if as_json:
        print(proof.model_dump_json(indent=2))
    else:
        _print(proof, rooted=roots is not None)
    raise typer.Exit(0 if proof.proven else NOT_PROVEN)


def _print(proof: Proof, *, rooted: bool) -> None:
    from exchange.audit.evidence.check import publication_of  # noqa: PLC0415
    from exchange.cli.audit.shown import print_whole  # noqa: PLC0415

    for finding in proof.findings:
        say(f"not proven  {finding.text}")
    for remark in proof.remarks:
        say(f"note        {remark}")
    if not proof.proven:
        return
    print_whole(proof.asked)
    for entry in proof.asked:
        published = publication_of(entry, proof.judged_by) if entry.kind == "decision" else None
        if published is not None:
            by, when = published["subject"], published["time"]
            say(f"policy      #{entry.index}: revision {published['revision']}, published by {by} at {when}")
    say(f"proven      {len(proof.asked)} records of {proof.origin}, {proof.receipts} signatures good")
    say(f"            checkpoint over {proof.size:,} records, root {proof.root}")
    for found in proof.cosigned_by:
        say(f"cosigned    by {found.name} at {_moment(found.time_s)}")
    if rooted:
        say("signers     each certificate leads to the city's roots")
    elif proof.receipts:
        say("note        --roots FILE would show whether the signers' certificates lead to the city's roots")
    say("note        this cannot prove that the log holds no further record of the same access")


def _moment(time_s: int) -> str:
    try:
        return f"{dt.datetime.fromtimestamp(time_s, dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (ValueError, OverflowError, OSError):
        return str(time_s)
