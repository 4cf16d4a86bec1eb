"""`exchange usage`: a department asks who used its own data."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from exchange.audit.reports.period import begins, ends, minute
from exchange.cli.audit.shown import plain, short
from exchange.cli.console import say, size, tell
from exchange.cli.options import AsJson, Config
from exchange.errors import ConfigError
from exchange.model.usage import USUAL, Dimension, Usage, UsageLine, UsageQuestion

app = typer.Typer()


@app.command()
def usage(
    config: Config,
    dataset: Annotated[str, typer.Option("--dataset", help="One of your own; all of them if left out.")] = "",
    since: Annotated[
        str, typer.Option("--from", metavar="DAY|MOMENT", help="Included; UTC unless it says otherwise.")
    ] = "",
    until: Annotated[
        str, typer.Option("--to", metavar="DAY|MOMENT", help="A day is included, a moment is not.")
    ] = "",
    by: Annotated[
        list[Dimension] | None,
        typer.Option("--by", help="Told apart by; repeat it. Dataset, consumer and purpose if left out."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Ask who used the data of your department: how much of it, for what, since when.

    Rows and bytes are what your own connector signed at the end of each stream. Nobody can ask about another
    department's data. Exit code: 0, 1 not your dataset, 2 usage, 3 unavailable.
    """
    from exchange.client.settings import ClientSettings  # noqa: PLC0415 - a command loads what it uses
    from exchange.client.usage import usage as ask  # noqa: PLC0415
    from exchange.config import load  # noqa: PLC0415

    question = _question(dataset, since, until, tuple(dict.fromkeys(by or USUAL)))
    found = ask(load(config, ClientSettings), question)
    if as_json:
        print(found.model_dump_json(indent=2, ensure_ascii=True))
        return
    _print(found, question.by)


def _question(dataset: str, since: str, until: str, by: tuple[Dimension, ...]) -> UsageQuestion:
    if len(dataset) > 256:  # noqa: PLR2004 - as long as a name can be
        raise ConfigError("no dataset has a name that long", hint="exchange catalogue")
    return UsageQuestion(
        dataset=dataset,
        since_us=begins(since) if since else None,
        until_us=ends(until) if until else None,
        by=by,
    )


def _print(found: Usage, by: tuple[Dimension, ...]) -> None:
    if not found.lines:
        say("nobody asked for it in that time")
    else:
        Console().print(_table(found.lines, by))
    if found.truncated:
        tell("there is more than fits one answer; ask for one dataset, or a shorter time")


def _table(lines: tuple[UsageLine, ...], by: tuple[Dimension, ...]) -> Any:
    table = Table(box=None, pad_edge=False)
    for dimension in by:
        table.add_column(dimension.value)
    for name in ("granted", "refused", "complete", "broken", "rows", "bytes"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("first (UTC)", "last (UTC)"):
        table.add_column(name, no_wrap=True)
    for line in lines:
        table.add_row(*(Text(plain(_named(line, dimension))) for dimension in by), *_numbers(line))
    return table


def _named(line: UsageLine, dimension: Dimension) -> str:
    value = str(getattr(line, dimension.value))
    return short(value) if dimension is Dimension.CONSUMER else value


def _numbers(line: UsageLine) -> tuple[str, ...]:
    counts = (line.granted, line.refused, line.complete, line.broken, line.rows)
    return (
        *(f"{count:,}" for count in counts),
        size(line.bytes),
        minute(line.first_us),
        minute(line.last_us),
    )
