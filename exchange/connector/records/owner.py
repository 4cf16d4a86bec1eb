"""Which serving process a running stream belongs to, and whether that process still lives.

Every process holds a lock on a file of its own. The kernel drops the lock when the process ends, however it
ends, so a dead process is known for certain and a living one is never taken for dead during a handover.
"""

from __future__ import annotations

import fcntl
import os
import uuid
from pathlib import Path

from exchange.errors import ConfigError

_PREFIX = "serving-"


class Owner:
    """This process, as the journal names it.

    Raises:
        ConfigError: its file cannot be made or locked.
    """

    def __init__(self, state: Path) -> None:
        self.name = uuid.uuid4().hex
        self._path = _path(state, self.name)
        try:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConfigError(
                f"{self._path} cannot be made: {(error.strerror or str(error)).lower()}"
            ) from None

    def release(self) -> None:
        """End this process's claim; idempotent."""
        if self._descriptor >= 0:
            self._path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = -1


def is_alive(state: Path, name: str) -> bool:
    """Whether the process of that name still runs; the file of a dead one is removed."""
    path = _path(state, name)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _path(state: Path, name: str) -> Path:
    return state / f"{_PREFIX}{name}.lock"
