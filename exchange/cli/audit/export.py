"""`exchange audit export`: records in a form that other programs read."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from exchange.audit.reports.period import begins, ends
from exchange.cli.audit.indexed import gone
from exchange.cli.audit.options import Folder
from exchange.cli.console import tell
from exchange.cli.options import AsJson
from exchange.cli.progress import counting

app = typer.Typer()


class Form(StrEnum):
    """Forms of a file."""

    JSONL = "jsonl"
    PARQUET = "parquet"
    OCSF = "ocsf"


@app.command()
def export(  # noqa: PLR0917 - an option each
    folder: Folder,
    out: Annotated[
        str, typer.Option("--out", "-o", metavar="FILE|-", help="A file that does not exist yet, or -.")
    ],
    form: Annotated[Form, typer.Option("--format", help="jsonl has the records verbatim.")] = Form.JSONL,
    since: Annotated[
        str, typer.Option("--from", metavar="DAY|MOMENT", help="Only records of then or later.")
    ] = "",
    until: Annotated[
        str, typer.Option("--to", metavar="DAY|MOMENT", help="A day is included, a moment is not.")
    ] = "",
    department: Annotated[str, typer.Option(help="Only records of this department.")] = "",
    dataset: Annotated[str, typer.Option(help="Only records of this dataset.")] = "",
    subject: Annotated[str, typer.Option(help="Part of a SPIFFE id.")] = "",
    kind: Annotated[str, typer.Option(help="Only records of this kind, for example decision.")] = "",
    access: Annotated[str, typer.Option("--id", help="Access id, or its beginning.")] = "",
    leaves: Annotated[
        bool, typer.Option("--leaves", help="jsonl: the leaf hash and a tab before each record.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write records to a new file: verbatim (jsonl), as columns (parquet), or as OCSF 1.8.0 events (ocsf).

    They are read from the log itself; prove it first with `exchange audit verify`. Exit code: 0, or 2 if
    something cannot be read or written; then there is no file.
    """
    from exchange.audit.exports.export import export as write  # noqa: PLC0415 - a command loads what it uses
    from exchange.audit.index.question import Question  # noqa: PLC0415
    from exchange.audit.storage.layout import Layout  # noqa: PLC0415
    from exchange.audit.storage.places import first_here  # noqa: PLC0415

    question = Question(
        from_us=begins(since) if since else None,
        to_us=ends(until) if until else None,
        department=department,
        dataset=dataset,
        subject=subject,
        kind=kind,
        id=access,
    )
    target = None if out == "-" else Path(out)
    with counting("exporting") as progress:
        count = write(folder, target, form.value, question=question, leaves=leaves, progress=progress)
    if as_json and target:
        print(json.dumps({"file": out, "format": form.value, "records": count}, ensure_ascii=True))
    else:  # what is exported to stdout is not mixed with an account of it
        tell(f"{count} records exported" + (f" to {out}" if target else ""))
    first = first_here(Layout(folder))
    if first:
        tell(gone(first))
