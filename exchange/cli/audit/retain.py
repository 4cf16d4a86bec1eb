"""`exchange audit retain`: what retention would remove; and a copy made to follow the log's own retention."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from exchange.cli.audit.indexed import checkpoint_note
from exchange.cli.audit.options import Folder, Key, public_key
from exchange.cli.console import say, tell
from exchange.cli.options import AsJson
from exchange.errors import ConfigError

if TYPE_CHECKING:
    from exchange.audit.proofs.note import VerifierKey
    from exchange.audit.storage.layout import Layout
    from exchange.audit.storage.seal import Seal

_DAY_US = 86_400_000_000

app = typer.Typer()


@app.command()
def retain(
    folder: Folder,
    key: Key,
    older_than: Annotated[str, typer.Option("--older-than", metavar="DAYS", help="For example 400d.")],
    archive: Annotated[
        Path | None, typer.Option("--archive", metavar="FOLDER", help="Where the payload must lie already.")
    ] = None,
    no_archive: Annotated[bool, typer.Option("--no-archive", help="Lose the payload for good.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what is due.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove the payload of old sealed segments from a copy of the log; the proof that it was there stays.

    A removal must be recorded in the log before it happens, so the log itself is shortened by its broker, by
    `[retention]` in its configuration. A copy can then follow: only what its log says was removed is removed.
    Exit code: 0, 1 if something is due that the log does not speak of, 2 if the log cannot be used.
    """
    from exchange.audit.storage.layout import Layout  # noqa: PLC0415 - a command loads what it uses

    if bool(archive) == no_archive and not dry_run:
        raise ConfigError("where is the payload to be kept?", hint="give --archive FOLDER, or --no-archive")
    layout, public = Layout(folder), public_key(key)
    if not layout.checkpoint.is_file():
        raise ConfigError(f"there is no audit log at {folder}", hint="name its folder")
    due, gone = _run(layout, public, _before_us(older_than), archive, dry_run=dry_run)
    left = due[len(gone) :]
    if as_json:
        print(json.dumps({"removed": [_span(it) for it in gone], "due": [_span(it) for it in left]}))
    else:
        for seal in gone:
            say(f"records {seal.first} to {seal.size - 1} removed, {seal.length:,} bytes")
        for seal in left:
            say(f"records {seal.first} to {seal.size - 1} are due, {seal.length:,} bytes")
        if not due:
            tell("nothing is due: no segment is closed and as old as that")
        if left and not dry_run:
            say("  the log does not say that they were removed; set `[retention] keep_days` of its broker")
    raise typer.Exit(1 if left and not dry_run else 0)


def _run(
    layout: Layout, key: VerifierKey, before_us: int, archive: Path | None, *, dry_run: bool
) -> tuple[list[Seal], list[Seal]]:
    from exchange.audit.keeping.retain import announced, due, remove  # noqa: PLC0415
    from exchange.audit.proofs.checkpoint import open_checkpoint  # noqa: PLC0415
    from exchange.audit.records.retention import Retained  # noqa: PLC0415
    from exchange.audit.storage.lock import FolderLock  # noqa: PLC0415

    found = due(layout, key, before_us)
    if dry_run:
        return found, []
    lock = FolderLock(layout.lock)
    try:
        signed = open_checkpoint(checkpoint_note(layout.folder, None), key)
        said = announced(layout, signed.size)
        spans = {(it.first, it.size) for it in said}

        def is_said(retained: Retained) -> None:
            if retained not in said:
                raise ConfigError(f"the log says that other records of {retained.first} were kept")

        gone: list[Seal] = []
        for seal in found:
            if (seal.first, seal.size) not in spans:
                break
            remove(layout, seal, announce=is_said, archive=archive)
            gone.append(seal)
    except OSError as error:
        raise ConfigError(f"the log cannot be shortened: {error}") from None
    finally:
        lock.release()
    return found, gone


def _before_us(text: str) -> int:
    match = re.fullmatch(r"([1-9][0-9]{0,4})d", text)
    if match is None:
        raise ConfigError(f"{text!r} is no period", hint="give days: --older-than 400d")
    return time.time_ns() // 1000 - int(match[1]) * _DAY_US


def _span(seal: Seal) -> dict[str, int]:
    return {"first": seal.first, "last": seal.size - 1, "bytes": seal.length}
