"""Who may do what to an index: one builds, many read, and no file vanishes under a reader."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from exchange.errors import ConfigError


@contextmanager
def building(index: Path) -> Iterator[None]:
    """Wait until nobody else builds, then build.

    Raises:
        ConfigError: the folder cannot be made or written.
    """
    try:
        index.mkdir(parents=True, exist_ok=True, mode=0o750)
        descriptor = os.open(index / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as error:
        raise ConfigError(
            f"the index cannot be kept in {index}: {error.strerror}", hint="name another folder with --index"
        ) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def reading(index: Path) -> Iterator[None]:
    """While this lasts no shard is removed because a merge replaced it."""
    descriptor = _readers(index)
    try:
        if descriptor is not None:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


@contextmanager
def alone(index: Path) -> Iterator[bool]:
    """Whether nobody reads at this moment; readers wait until it ends, so be quick."""
    descriptor = _readers(index)
    try:
        yield descriptor is not None and _taken(descriptor)
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _readers(index: Path) -> int | None:
    """The file that readers share; None in a folder that cannot be written, in which nobody merges either."""
    try:
        return os.open(index / "readers", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError:
        return None
