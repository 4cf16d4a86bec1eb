"""`exchange audit`: an auditor verifies and reads a log from its files."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from exchange.audit.proofs.note import VerifierKey
from exchange.audit.records.entry import Entry
from exchange.audit.storage.tail import entries, select
from exchange.audit.verdict import Finding, Verdict
from exchange.audit.verify import verify as verify_log
from exchange.cli.console import because
from exchange.cli.options import AsJson
from exchange.errors import ConfigError

ALTERED = 1
_EVERY_BYTES = 1 << 20

app = typer.Typer(no_args_is_help=True, help="Fetch, verify and read the audit log.")

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The log's folder, or a copy of it.")]


@app.command()
def verify(
    folder: Folder,
    key: Annotated[
        str, typer.Option("--key", metavar="FILE|TEXT", help="The log's public key: name+id+base64.")
    ],
    since: Annotated[
        Path | None, typer.Option("--since", metavar="FILE", help="A checkpoint you kept from earlier.")
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option("--checkpoint", metavar="FILE", help="Judge by this one, not by the folder's own."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Prove that nothing was edited, deleted, inserted, reordered or cut off.

    Needs the log's public key and files, and trusts nothing else. Exit code: 0 whole, 1 altered, 2 the files
    or the key cannot be read.
    """
    public = VerifierKey.parse(_key_text(key))
    verdict = _verify_with_progress(folder, public, _read(checkpoint), _read(since))
    if as_json:
        print(verdict.model_dump_json(indent=2))
    else:
        _print_verdict(verdict)
    raise typer.Exit(0 if verdict.whole else ALTERED)


@app.command(name="list")
def list_records(
    folder: Folder,
    access: Annotated[str, typer.Option("--id", help="Access id.")] = "",
    subject: Annotated[str, typer.Option(help="Part of a SPIFFE id.")] = "",
    dataset: Annotated[str, typer.Option(help="Dataset id.")] = "",
    last: Annotated[int, typer.Option(min=1, max=100_000, help="So many, the newest.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show the newest records as a table. It reads, it does not verify. Exit code: 0, or 2 if unreadable."""
    found = select(folder, last=last, access=access, subject=subject, dataset=dataset)
    if as_json:
        _print_json(found)
    else:
        Console().print(_table(found))


@app.command()
def show(
    folder: Folder,
    which: Annotated[str, typer.Argument(metavar="INDEX|ID", help="A record's index, or an access id.")],
    as_json: AsJson = False,
) -> None:
    """Show one record whole, or everything recorded of one access. Exit code: 0, or 2 if there is none."""
    found = _find(folder, which)
    if as_json:
        _print_json(found)
        return
    console = Console()
    for entry in found:
        table = Table(title=f"record {entry.index} · {entry.kind} · {entry.time}", show_header=False)
        for name, value in sorted(entry.fields.items()):
            table.add_row(Text(name), Text(_plain(value)))
        console.print(table)


def _find(folder: Path, which: str) -> list[Entry]:
    by_index = which.isascii() and which.isdigit() and len(which) <= 16  # noqa: PLR2004 — an id has 32 digits
    if by_index:
        found = [entry for entry in entries(folder) if entry.index == int(which)]
    else:
        found = select(folder, last=10_000, access=which)
    if not found:
        raise ConfigError(f"no record {which}", hint="`exchange audit list DIR` shows the newest")
    return found


def _verify_with_progress(
    folder: Path, key: VerifierKey, checkpoint: bytes | None, since: bytes | None
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

        return verify_log(folder, key, checkpoint=checkpoint, since=since, progress=tell)


def _print_verdict(verdict: Verdict) -> None:
    console = Console(highlight=False)
    for finding in verdict.findings:
        console.print(Text.assemble(("altered  ", "bold red"), _where(finding), finding.text))
    for remark in verdict.remarks:
        console.print(Text.assemble(("note     ", "yellow"), remark.text))
    state = ("whole    ", "bold green") if verdict.whole else ("altered  ", "bold red")
    covered = f"{verdict.records} records read, {verdict.signed} covered by the signed checkpoint"
    console.print(Text.assemble(state, f"{verdict.origin}: {covered}, {verdict.receipts} receipts good"))
    console.print(Text(f"         root {verdict.root}"))


def _where(finding: Finding) -> str:
    if finding.index is None:
        return ""
    return f"#{finding.index}: " if finding.exact else f"#{finding.index}-{finding.last}: "


_COLUMNS = ("#", "time", "what", "who", "dataset", "purpose", "result", "rev", "rows", "id")


def _table(found: list[Entry]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in _COLUMNS:
        right = name in {"#", "rev", "rows"}
        table.add_column(name, justify="right" if right else "left", no_wrap=name in {"#", "time", "id"})
    for entry in found:
        table.add_row(*(Text(cell) for cell in _row(entry)))
    return table


def _row(entry: Entry) -> tuple[str, ...]:
    fields = entry.fields
    rows = fields.get("rows")
    result = str(fields.get("decision") or fields.get("outcome") or fields.get("event") or "")
    reason = str(fields.get("reason") or "")
    return tuple(
        _plain(cell)
        for cell in (
            entry.index,
            entry.time[:19].replace("T", " "),
            entry.kind,
            _short(str(fields.get("speaker") or fields.get("subject") or "")),
            fields.get("dataset", ""),
            fields.get("purpose", ""),
            f"{result} ({reason})" if reason and reason != "granted" else result,
            fields.get("revision", ""),
            "" if rows is None or entry.kind in {"start", "refusal"} else rows,
            str(fields.get("id", ""))[:8],
        )
    )


def _short(spiffe_id: str) -> str:
    """`emergency/dispatch` for `spiffe://emergency.city/system/dispatch`; others as they are."""
    host, _, path = spiffe_id.removeprefix("spiffe://").partition("/")
    kind, _, name = path.partition("/")
    if not spiffe_id.startswith("spiffe://") or kind == "department":
        return spiffe_id
    return f"{host.partition('.')[0]}/{name or kind}"


def _plain(value: Any) -> str:
    """A value for a terminal: what could steer the terminal is shown as text (T61)."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)


def _print_json(found: list[Entry]) -> None:
    for entry in found:
        sys.stdout.write(json.dumps(entry.fields, ensure_ascii=True, sort_keys=True) + "\n")


def _key_text(text: str) -> str:
    if "+" in text and not Path(text).is_file():
        return text
    found = _read(Path(text))
    try:
        return (found or b"").decode()
    except UnicodeDecodeError:
        raise ConfigError(
            f"{text} holds no verifier key", hint="a key reads name+id+base64, all in one line"
        ) from None


def _read(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {because(error)}") from None
