"""`exchange audit verify`: is the log whole?"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from exchange.audit.proofs.trust import TrustPolicy
from exchange.audit.verdict import Finding, Verdict
from exchange.audit.verify import verify as verify_log
from exchange.cli.audit.options import Folder, read_bytes
from exchange.cli.audit.shown import plain
from exchange.cli.audit.trusting import MaybeKey, Trust, trust_policy
from exchange.cli.options import AsJson

ALTERED = 1
_EVERY_BYTES = 1 << 20

app = typer.Typer()


@app.command()
def verify(
    folder: Folder,
    key: MaybeKey = "",
    trust: Trust = None,
    since: Annotated[
        list[Path] | None,
        typer.Option("--since", metavar="FILE", help="A checkpoint you or a witness kept; can be repeated."),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option("--checkpoint", metavar="FILE", help="Judge by this one, not by the folder's own."),
    ] = None,
    jobs: Annotated[
        int, typer.Option(min=0, max=256, help="Processes to read with; 0 for one on each core.")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Prove that nothing was edited, deleted, inserted, reordered or cut off.

    Needs the log's public key and files, and trusts nothing else. Exit code: 0 whole, 1 altered, 2 the files
    or the key cannot be read.
    """
    judged_by = read_bytes(checkpoint) if checkpoint else None
    kept = [read_bytes(path) for path in since or ()]
    cores = len(os.sched_getaffinity(0))
    verdict = _verify_with_progress(folder, trust_policy(key, trust), judged_by, kept, jobs or cores)
    if as_json:
        print(verdict.model_dump_json(indent=2))
    else:
        _print_verdict(verdict)
    raise typer.Exit(0 if verdict.whole else ALTERED)


def _verify_with_progress(
    folder: Path,
    trust: TrustPolicy,
    checkpoint: bytes | None,
    since: Sequence[bytes],
    jobs: int,
) -> Verdict:
    console = Console(stderr=True)
    columns = (TextColumn("verifying"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("verifying", total=None)
        shown = 0

        def tell(done: int, total: int) -> None:
            nonlocal shown
            if done - shown >= _EVERY_BYTES:
                shown = done
                progress.update(task, completed=done, total=total)

        return verify_log(folder, trust, checkpoint=checkpoint, since=since, jobs=jobs, progress=tell)


def _print_verdict(verdict: Verdict) -> None:
    console = Console(highlight=False)
    for finding in verdict.findings:
        console.print(Text.assemble(("altered  ", "bold red"), _where(finding), plain(finding.text)))
    for remark in verdict.remarks:
        console.print(Text.assemble(("note     ", "yellow"), plain(remark.text)))
    state = ("whole    ", "bold green") if verdict.whole else ("altered  ", "bold red")
    read = verdict.records - verdict.removed
    covered = f"{read} records read, {verdict.signed} covered by the signed checkpoint"
    if verdict.cosigned_by:
        covered += f", {verdict.cosigned} cosigned by {plain(', '.join(verdict.cosigned_by))}"
    console.print(
        Text.assemble(state, f"{plain(verdict.origin)}: {covered}, {verdict.receipts} receipts good")
    )
    console.print(Text(f"         root {verdict.root}"))


def _where(finding: Finding) -> str:
    if finding.index is None:
        return ""
    return f"#{finding.index}: " if finding.exact else f"#{finding.index}-{finding.last}: "
