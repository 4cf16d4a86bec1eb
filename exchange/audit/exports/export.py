"""A log's records into a file of another form: streamed, whole or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

from exchange.audit.exports.choice import EVERY, Chosen, Progress, chosen
from exchange.audit.exports.jsonl import JsonLines
from exchange.audit.exports.ocsf import Ocsf
from exchange.audit.index.question import Question
from exchange.audit.storage.layout import Layout
from exchange.errors import ConfigError

Format = Literal["jsonl", "parquet", "ocsf"]


class Form(Protocol):
    """A file of one form, being written."""

    def write(self, one: Chosen) -> None:
        """Append a record."""

    def close(self) -> None:
        """Finish the file."""


def _unseen(_done: int, _of: int) -> None:
    pass


def export(
    log: Path,
    to: Path | None,
    form: Format,
    *,
    question: Question = EVERY,
    leaves: bool = False,
    progress: Progress = _unseen,
) -> int:
    """Write the records that fit; how many there were.

    Args:
        log: folder of the log.
        to: a file that does not exist yet; None for the process's output.
        form: jsonl (verbatim), parquet, or ocsf.
        question: which records.
        leaves: jsonl only: put each record's leaf hash and a tab before it.
        progress: called with bytes read and bytes to read.

    Raises:
        ConfigError: the file exists or cannot be written, or there is no log.
        LogCorrupt: the log cannot be read to its end; then there is no file.
    """
    if leaves and form != "jsonl":
        raise ConfigError("only JSON Lines can have leaf hashes before records", hint="use --format jsonl")
    count = 0
    with _output(to) as file:
        writer = _form(log, file, form, leaves=leaves)
        for one in chosen(log, question, progress):
            writer.write(one)
            count += 1
        writer.close()
    return count


def _form(log: Path, file: BinaryIO, form: Format, *, leaves: bool) -> Form:
    if form == "parquet":
        from exchange.audit.exports.parquet import Parquet  # noqa: PLC0415 - only this form needs Arrow

        return Parquet(file)
    return JsonLines(file, leaves=leaves) if form == "jsonl" else Ocsf(file, origin=_origin(log))


def _origin(log: Path) -> str:
    """What the log's checkpoint calls it; the folder's name while there is none."""
    try:
        return Layout(log).checkpoint.read_text(encoding="utf-8").partition("\n")[0]
    except (OSError, UnicodeDecodeError):
        return log.name


@contextmanager
def _output(to: Path | None) -> Iterator[BinaryIO]:
    """The file, under its name only once it is whole and durable; an existing one is never touched."""
    if to is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = to.with_name(f"{to.name}.{os.getpid()}.part")
    with _told(to):
        if to.exists():
            raise FileExistsError
        file = part.open("xb")
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        with _told(to):
            # unlike a rename, a link never replaces what came to be there meanwhile
            os.link(part, to)
    finally:
        with suppress(OSError):
            part.unlink()


@contextmanager
def _told(to: Path) -> Iterator[None]:
    try:
        yield
    except FileExistsError:
        raise ConfigError(f"{to} exists already", hint="name a new file; nothing is overwritten") from None
    except OSError as error:
        raise ConfigError(f"{to} cannot be written: {error.strerror}") from None
