"""`exchange audit search`: who saw what, for what, when."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from exchange.cli.audit.indexed import gone, own_index, signed_checkpoint
from exchange.cli.audit.moments import unix_us
from exchange.cli.audit.options import Folder
from exchange.cli.audit.shown import print_json, print_table
from exchange.cli.audit.trusting import MaybeKey, Trust, trust_policy
from exchange.cli.console import tell
from exchange.cli.options import AsJson
from exchange.cli.progress import counting

if TYPE_CHECKING:
    from exchange.audit.index.search import Answer

app = typer.Typer()


@app.command()
def search(  # noqa: PLR0917 - typer takes a command's options from its arguments
    folder: Folder,
    subject: Annotated[str, typer.Option(help="Part of a SPIFFE id.")] = "",
    department: Annotated[str, typer.Option(help="Department code.")] = "",
    dataset: Annotated[str, typer.Option(help="Dataset id.")] = "",
    column: Annotated[str, typer.Option(help="A column's name.")] = "",
    purpose: Annotated[str, typer.Option(help="Purpose code.")] = "",
    since: Annotated[str, typer.Option("--from", metavar="TIME", help="2026-11-22, a time, or 7d.")] = "",
    until: Annotated[str, typer.Option("--to", metavar="TIME", help="Likewise; not included.")] = "",
    decision: Annotated[str, typer.Option(help="allow or deny.")] = "",
    outcome: Annotated[str, typer.Option(help="complete, aborted, refused ...")] = "",
    kind: Annotated[str, typer.Option(help="decision, end, publication ...")] = "",
    reason: Annotated[str, typer.Option(help="Reason code.")] = "",
    rule: Annotated[str, typer.Option(help="Part of a rule's id.")] = "",
    revision: Annotated[int | None, typer.Option(min=0, max=2**63 - 1, help="Policy revision.")] = None,
    access: Annotated[str, typer.Option("--id", help="Access id, or its beginning.")] = "",
    text: Annotated[str, typer.Option(help="Stands anywhere in a record.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="At most so many.")] = 50,
    newest: Annotated[bool, typer.Option("--newest/--oldest", help="Which come first.")] = True,
    count: Annotated[bool, typer.Option("--count", help="Only count.")] = False,
    key: MaybeKey = "",
    trust: Trust = None,
    index: Annotated[
        Path | None,
        typer.Option("--index", metavar="FOLDER", help="Keep the index there, as your own."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find records by what is in them; each one shown is read from the log and held against its tree.

    With --key or --trust the answer is proven complete up to the signed checkpoint. Exit code: 0, 1 if the
    log is altered, 2 if it cannot be read.
    """
    from exchange.audit.index.question import Question  # noqa: PLC0415 - a command loads what it uses
    from exchange.audit.index.search import search as run  # noqa: PLC0415

    question = Question(
        subject=subject,
        department=department,
        dataset=dataset,
        column=column,
        purpose=purpose,
        from_us=unix_us(since),
        to_us=unix_us(until),
        decision=decision,
        outcome=outcome,
        kind=kind,
        reason=reason,
        rule=rule,
        revision=revision,
        id=access,
        text=text,
    )
    signed = signed_checkpoint(folder, trust_policy(key, trust)) if key or trust else None
    with own_index(folder, index, proven=signed is not None) as place, counting("indexing") as progress:
        most = 0 if count else limit
        answer = run(
            folder, place, question, limit=most, newest=newest, count=count, signed=signed, progress=progress
        )
    _show(answer, as_json=as_json)


def _show(answer: Answer, *, as_json: bool) -> None:
    if answer.count is not None:
        if as_json:
            print(answer.model_dump_json(exclude={"entries", "more"}))
        else:
            print(answer.count)
    elif as_json:
        print_json(answer.entries)
    elif answer.entries:
        print_table(answer.entries)
    else:
        tell("no record fits")
    if answer.more:
        tell("there are more; --limit shows them, --count counts them")
    tell(_completeness(answer))


def _completeness(answer: Answer) -> str:
    if not answer.proven:
        return f"searched {answer.searched:,} records; --key or --trust would prove that these are all"
    newer = answer.searched - answer.proven
    beyond = f"; {newer:,} newer ones are not covered by a signature yet" if newer else ""
    if not answer.first:
        return f"proven complete: all {answer.proven:,} records signed by {answer.origin} were read{beyond}"
    return (
        f"proven complete from record {answer.first} on: all others up to {answer.proven - 1} signed by "
        f"{answer.origin} were read{beyond}; {gone(answer.first)}"
    )
