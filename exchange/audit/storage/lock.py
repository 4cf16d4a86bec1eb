"""One writer for one log: an advisory lock that dies with its process (F23)."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from exchange.errors import ConfigError


class FolderLock:
    """Held from construction until `release`."""

    def __init__(self, path: Path) -> None:
        """Take the lock, at once or not at all.

        Raises:
            ConfigError: another process, or another log in this one, holds it.
        """
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            raise ConfigError(
                f"another process is writing the audit log in {path.parent}",
                hint="one broker, one log; stop the other or give this one a folder of its own",
            ) from None

    def release(self) -> None:
        """Let the next writer in; idempotent."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
