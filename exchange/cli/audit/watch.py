"""`exchange audit watch`: the log as it grows, and an alarm if it is not what it signs."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from exchange.cli.audit.options import public_key
from exchange.cli.audit.shown import line_of, print_json
from exchange.cli.console import REFUSED, say, tell
from exchange.cli.options import AsJson
from exchange.errors import ConfigError, LogCorrupt, Unavailable

if TYPE_CHECKING:
    from exchange.audit.follow import Follower, Source
    from exchange.audit.records.entry import Entry

WAIT_S_MAX = 30.0
app = typer.Typer()


class Decided(StrEnum):
    """How a request was decided."""

    ALLOW = "allow"
    DENY = "deny"


@dataclass(frozen=True)
class Wanted:
    """Which records are shown; all are checked.

    Attributes:
        subject: part of a SPIFFE id, of subject or speaker. dataset, purpose, kind: whole. "" for any.
        decision: allow or deny; None for any record.
        own: whether a record only says that this auditor reads the log; those are hidden.
    """

    subject: str
    dataset: str
    purpose: str
    kind: str
    decision: Decided | None
    own: Callable[[Entry], bool]

    def fits(self, entry: Entry) -> bool:
        """Whether the record is to be shown."""
        fields = entry.fields
        who = f"{fields.get('subject', '')}\n{fields.get('speaker', '')}"
        return (
            self.subject in who
            and self.dataset in {"", fields.get("dataset")}
            and self.purpose in {"", fields.get("purpose")}
            and self.kind in {"", entry.kind}
            and (self.decision is None or fields.get("decision") == self.decision)
            and not self.own(entry)
        )


@app.command()
def watch(  # noqa: PLR0917 - an option each
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="A log's folder here; or a broker's, by --config.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", metavar="FILE", envvar="EXCHANGE_CONFIG", help="Of an auditor."),
    ] = None,
    key: Annotated[
        str, typer.Option("--key", metavar="FILE|TEXT", help="The log's public key; checks signatures.")
    ] = "",
    subject: Annotated[str, typer.Option(help="Part of a SPIFFE id.")] = "",
    dataset: Annotated[str, typer.Option(help="Dataset id.")] = "",
    purpose: Annotated[str, typer.Option(help="A purpose.")] = "",
    kind: Annotated[str, typer.Option(help="A kind of record, for example decision.")] = "",
    decision: Annotated[Decided | None, typer.Option(help="Only decisions, and only these.")] = None,
    own: Annotated[bool, typer.Option("--own", help="Show also what this watching itself records.")] = False,
    every: Annotated[
        float, typer.Option("--every", min=1.0, max=3600.0, help="Look again after so long.")
    ] = 2.0,
    as_json: AsJson = False,
) -> None:
    """Show records as they are signed, and check that each is in its place and under its checkpoint.

    All are checked, whatever is shown. Exit code: 1 with an alarm when the log is not what it signs, 2 usage,
    130 on Ctrl-C. While the broker is away it waits.
    """
    source, mine, known = _source(folder, config)
    wanted = Wanted(subject, dataset, purpose, kind, decision, (lambda _entry: False) if own else mine)
    try:
        _watch(source, key or known, wanted, every, as_json=as_json)
    except LogCorrupt as error:
        _alarm(error)


def _source(folder: Path | None, config: Path | None) -> tuple[Source, Callable[[Entry], bool], str]:
    """Where to look, what of it is our own looking, and the log's key as far as the configuration has it."""
    if folder is not None:
        from exchange.audit.follow import FolderSource  # noqa: PLC0415 - a command loads what it uses

        return FolderSource(folder), lambda _entry: False, ""
    if config is None:
        raise ConfigError("nothing says which log", hint="name its folder, or your configuration by --config")
    from exchange.client.settings import ClientSettings  # noqa: PLC0415
    from exchange.client.watching import BrokerSource  # noqa: PLC0415
    from exchange.config import load  # noqa: PLC0415

    settings = load(config, ClientSettings)
    broker = BrokerSource(settings)
    return broker, broker.owns, settings.log_key or ""


def _watch(source: Source, key: str, wanted: Wanted, every_s: float, *, as_json: bool) -> None:
    from exchange.audit.follow import Follower  # noqa: PLC0415 - a command loads what it uses

    public = public_key(key) if key else None
    follower: Follower | None = None
    wait_s = every_s
    while True:
        try:
            if follower is None:
                follower = Follower(source, public)
                _begin(follower, checked=public is not None)
            _show(follower, wanted, as_json=as_json)
            wait_s = every_s
        except Unavailable as error:
            wait_s = min(WAIT_S_MAX, max(wait_s * 2, every_s))
            tell(f"exchange: {error.public}; trying again in {wait_s:.0f} s")
        time.sleep(wait_s)


def _begin(follower: Follower, *, checked: bool) -> None:
    tell(f"watching {follower.origin} from record {follower.size} on; Ctrl-C ends it")
    if not checked:
        tell("  the checkpoints' signatures are not checked: give the log's public key with --key")


def _show(follower: Follower, wanted: Wanted, *, as_json: bool) -> None:
    for entry in follower.news():
        if not wanted.fits(entry):
            continue
        if as_json:
            print_json([entry])
        else:
            say(line_of(entry))
        sys.stdout.flush()


def _alarm(error: LogCorrupt) -> NoReturn:
    place = f" at record {error.index}" if error.index is not None else ""
    tell(f"exchange: ALARM{place}: {error.public}")
    tell(f"  hint: {error.hint or 'keep a copy of the log as it is now; `exchange audit verify` says more'}")
    raise typer.Exit(REFUSED)
