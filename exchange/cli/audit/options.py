"""Arguments that commands of an auditor share, and how they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from exchange.audit.proofs.note import NOTE_BYTES_MAX, VerifierKey
from exchange.cli.console import because
from exchange.errors import ConfigError

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The log's folder, or a copy of it.")]
Key = Annotated[str, typer.Option("--key", metavar="FILE|TEXT", help="The log's public key: name+id+base64.")]


def public_key(text: str) -> VerifierKey:
    """The key in a text, or in the file that the text names.

    Raises:
        ConfigError: there is none.
    """
    if "+" in text and not Path(text).is_file():
        return VerifierKey.parse(text)
    try:
        found = read_bytes(Path(text))
    except ConfigError as error:
        raise ConfigError(
            error.public, hint="give the file of the log's public key, or the key itself: name+id+base64"
        ) from None
    try:
        return VerifierKey.parse(found.decode())
    except UnicodeDecodeError:
        raise ConfigError(
            f"{text} holds no verifier key", hint="a key reads name+id+base64, all in one line"
        ) from None


def read_bytes(path: Path, bytes_max: int = NOTE_BYTES_MAX) -> bytes:
    """What the file holds; a pipe or the standard input of whoever types serves as well.

    Raises:
        ConfigError: it cannot be read, or is larger than such a file can be.
    """
    try:
        with path.open("rb") as file:
            data = file.read(bytes_max + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {because(error)}") from None
    if len(data) > bytes_max:
        raise ConfigError(f"{path} has more than the {bytes_max:,} bytes that such a file can have")
    return data
