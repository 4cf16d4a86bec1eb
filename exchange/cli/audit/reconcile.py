"""`exchange audit reconcile`: do the broker, the connectors and the consumers tell one story."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from exchange.audit.reports.period import begins, ends
from exchange.cli.audit.indexed import gone, own_index, signed_checkpoint
from exchange.cli.audit.options import Folder
from exchange.cli.audit.shown import plain
from exchange.cli.audit.trusting import MaybeKey, Trust, trust_policy
from exchange.cli.console import tell
from exchange.cli.options import AsJson
from exchange.cli.progress import counting
from exchange.errors import ConfigError

if TYPE_CHECKING:
    from exchange.audit.proofs.trust import TrustPolicy
    from exchange.audit.reconcile.findings import Finding
    from exchange.audit.reconcile.suspects import Wanted

FOUND = 1
_STYLES = {"alarm": "bold red", "warning": "yellow", "note": "dim"}
app = typer.Typer()


@app.command()
def reconcile(  # noqa: PLR0917 - an option each
    folder: Folder,
    since: Annotated[
        str, typer.Option("--from", metavar="DAY|MOMENT", help="Only accesses that began then or later.")
    ] = "",
    until: Annotated[
        str, typer.Option("--to", metavar="DAY|MOMENT", help="A day is included, a moment is not.")
    ] = "",
    department: Annotated[str, typer.Option(help="Only what this department provided or asked for.")] = "",
    dataset: Annotated[str, typer.Option(help="Only this dataset.")] = "",
    stream_s: Annotated[
        int, typer.Option("--stream-ttl", min=1, metavar="SECONDS", help="The broker's stream_ttl_s.")
    ] = 3600,
    grace_s: Annotated[
        int, typer.Option("--grace", min=0, metavar="SECONDS", help="How long a report may be on its way.")
    ] = 600,
    notes: Annotated[bool, typer.Option("--notes", help="Also what is only worth a note.")] = False,
    key: MaybeKey = "",
    trust: Trust = None,
    index: Annotated[
        Path | None, typer.Option("--index", metavar="FOLDER", help="Keep the index there, as your own.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Match each decision with what the connector and the consumer signed, and name what does not fit.

    The index finds, the log's own records are judged. With --key or --trust nothing is left out: every record
    that was signed is in the index. Exit code: 0, 1 there is an alarm or the log is altered, 2 usage or files
    that cannot be read. With --json a finding a line.
    """
    from exchange.audit.reconcile.suspects import Wanted  # noqa: PLC0415 - a command loads what it uses

    wanted = Wanted(
        from_us=begins(since) if since else None,
        to_us=ends(until) if until else None,
        department=department,
        dataset=dataset,
        notes=notes,
    )
    policy = trust_policy(key, trust) if key or trust else None
    with own_index(folder, index, proven=policy is not None) as place:
        basis = _indexed(folder, place, policy)
        found = _found(folder, place, wanted, stream_s, grace_s)
        counts = _print_json(found) if as_json else _print(found)
    tell(basis)
    raise typer.Exit(FOUND if counts["alarm"] else 0)


def _indexed(folder: Path, place: Path, policy: TrustPolicy | None) -> str:
    """Bring the index up to date; in a sentence, what the matching stands on."""
    from exchange.audit.index.build import refresh  # noqa: PLC0415
    from exchange.audit.index.complete import complete  # noqa: PLC0415

    with counting("indexing") as progress:
        if policy is None:
            size = refresh(folder, place, progress=progress)
            return f"matched {size:,} records; --key or --trust would prove that these are all"
        signed = signed_checkpoint(folder, policy)
        first = complete(folder, place, signed, progress=progress).first
    told = f"matched all records from {first} to {signed.size - 1} that {signed.origin} signed"
    return f"{told}; {gone(first)}" if first else told


def _found(folder: Path, index: Path, wanted: Wanted, stream_s: int, grace_s: int) -> Iterator[Finding]:
    import duckdb  # noqa: PLC0415

    from exchange.audit.index.reading import opened  # noqa: PLC0415
    from exchange.audit.reconcile.reconcile import reconcile as match  # noqa: PLC0415

    try:
        with opened(index) as records, counting("matching") as progress:
            yield from match(
                folder, records, wanted=wanted, stream_s=stream_s, grace_s=grace_s, progress=progress
            )
    except duckdb.Error:
        raise ConfigError(
            f"the index in {index} cannot be read",
            hint="delete that folder, it is made anew; or give --key, then another one is used",
        ) from None


def _print(found: Iterator[Finding]) -> Counter[str]:
    console, counts = Console(highlight=False, soft_wrap=True), Counter[str]()
    for one in found:
        counts[one.severity] += 1
        records = ", ".join(f"#{index}" for index in one.records)
        head = Text.assemble((f"{one.severity:<8}", _STYLES[one.severity]), f" {one.code}  ")
        console.print(Text.assemble(head, plain(f"{one.id or '-'}  {records}  {one.dataset}")))
        console.print(Text(f"         {plain(one.text)}"))
        console.print(Text(f"         -> {one.advice}", style="dim"))
    summary = ", ".join(f"{counts[name]} {name}{'' if counts[name] == 1 else 's'}" for name in _STYLES)
    console.print(Text(summary if counts else "every account fits"))
    return counts


def _print_json(found: Iterator[Finding]) -> Counter[str]:
    counts = Counter[str]()
    for one in found:
        counts[one.severity] += 1
        sys.stdout.write(one.model_dump_json(ensure_ascii=True) + "\n")
    return counts
