"""Standard streams that are closed, full, or read by nobody any more."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from exchange.cli.console import INTERRUPTED, USAGE, because, tell


class OutputLost(Exception):
    """Nobody takes the output any more; ends the program with a code of `exchange.cli.console`."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def lend_streams() -> None:
    """Give a process that was started with closed streams empty ones.

    Otherwise the next file or connection that is opened would take their numbers, and print into itself.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, this one
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - as long as the process
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


@contextmanager
def flushed() -> Iterator[None]:
    """Write out everything that was said, however the body ends, and say so where that fails.

    Raises:
        OutputLost: the reader went away, or there is no room.
    """
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        raise _given_up(INTERRUPTED) from None
    except OutputLost as lost:
        raise _given_up(lost.code) from None
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        tell(f"exchange: the output cannot be written: {because(error)}")
        raise _given_up(USAGE) from None


def _given_up(code: int) -> OutputLost:
    """Let the interpreter's own last flush go nowhere instead of complaining."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return OutputLost(code)
