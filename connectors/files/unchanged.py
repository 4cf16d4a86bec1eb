"""What was learnt from files, for as long as they are the same files."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from connectors.duckdb.failure import translated

T = TypeVar("T")
_Stamp = tuple[tuple[str, int, int, int, int, int], ...]

SETTLED_S = 2.0
"""A file that changed so recently may change again within the same tick of the clock; it is asked again."""

KNOWN_MAX = 256


class Unchanged(Generic[T]):
    """One answer for each table, asked again once any of its files was replaced, renamed or written to.

    The kernel moves a file's change time on at every change and lets nobody set it back. The files' own
    stamps are taken before the question is asked, so that an answer can only be newer than its stamp.
    Used from many threads.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[Path, ...], tuple[_Stamp, T]] = {}
        self._lock = threading.Lock()

    def get(self, files: Sequence[Path], ask: Callable[[], T]) -> T:
        """The answer for these files.

        Raises:
            SourceFailed: a file is not there, or as `ask` does.
        """
        key = tuple(files)
        with translated():
            stamp = tuple(_stamp(file) for file in files)
        with self._lock:
            known = self._known.get(key)
        if known is not None and known[0] == stamp:
            return known[1]
        answer = ask()
        if _settled(stamp):
            with self._lock:
                if len(self._known) >= KNOWN_MAX:
                    self._known.clear()  # a folder that gains files is another table each time
                self._known[key] = (stamp, answer)
        return answer


def _stamp(file: Path) -> tuple[str, int, int, int, int, int]:
    status = file.stat()
    times = (status.st_mtime_ns, status.st_ctime_ns)
    return (str(file), status.st_dev, status.st_ino, status.st_size, *times)


def _settled(stamp: _Stamp) -> bool:
    """Judged by the wall clock that stamps files; where it was set back, nothing is remembered."""
    before_ns = time.time_ns() - int(SETTLED_S * 1e9)
    return all(ctime_ns < before_ns for *_, ctime_ns in stamp)
