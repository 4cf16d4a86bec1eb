"""The key of a department's pseudonyms: made once, kept beside the journal, never sent anywhere."""

from __future__ import annotations

import secrets
from pathlib import Path

from exchange.errors import ConfigError
from exchange.security import files

KEY_BYTES = 32
FILE = "pseudonym.key"


def pseudonym_key(state: Path) -> bytes:
    """The key in the state folder, created with mode 0600 where there is none yet.

    Raises:
        ConfigError: it cannot be written or read, others can read it, or it is damaged. It is never made anew
            over an existing one: every pseudonym handed out so far would silently change.
    """
    files.make_folder(state)
    path = state / FILE
    if not path.exists():
        _create(path)
    key = files.read_private(path)
    if len(key) != KEY_BYTES:
        raise ConfigError(
            f"{path} is damaged: {len(key)} bytes instead of {KEY_BYTES}",
            hint="restore it from a backup; removing it changes every pseudonym",
        )
    return key


def _create(path: Path) -> None:
    try:
        files.write_new(path, secrets.token_bytes(KEY_BYTES), files.PRIVATE_MODE)
    except ConfigError:
        if not path.exists():  # otherwise another process of this connector was first, and its key is the key
            raise
