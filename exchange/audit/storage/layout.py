"""Where what lies in a log's folder.

lock                               held by the one writer (F23)
checkpoint                         the latest signed checkpoint (c2sp.org/tlog-checkpoint)
cosigned                           the latest checkpoint that a quorum of witnesses cosigned
segments/<first index, 20 digits>.log    the records
segments/<first index>.seal        what the log promises of a segment closed for ever (seal.py)
segments/<first index>.kept        beside a seal without a .log: what retention kept of the segment
tree/0                             the leaf hashes, 32 bytes each, in order
tree/1, tree/2, ...                each hash is the root over 256 of the level below (c2sp.org/tlog-tiles)
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from exchange.errors import ConfigError, LogCorrupt

_NAMED = re.compile(r"[0-9]{20}\.(log|seal|kept)")


@dataclass(frozen=True)
class Layout:
    """The paths of one log."""

    folder: Path

    @property
    def lock(self) -> Path:
        """The lock file; empty."""
        return self.folder / "lock"

    @property
    def checkpoint(self) -> Path:
        """The latest signed checkpoint."""
        return self.folder / "checkpoint"

    @property
    def segments_folder(self) -> Path:
        """Where the segments lie."""
        return self.folder / "segments"

    @property
    def cosigned(self) -> Path:
        """The latest checkpoint that a quorum of witnesses cosigned."""
        return self.folder / "cosigned"

    @property
    def tree_folder(self) -> Path:
        """Where the hashes lie."""
        return self.folder / "tree"

    @property
    def leaves(self) -> Path:
        """The leaf hashes: level 0 of the tree."""
        return self.level(0)

    def level(self, number: int) -> Path:
        """The hashes of one level of tiles; tile n is bytes [n * 8192, (n + 1) * 8192)."""
        return self.tree_folder / str(number)

    def segment(self, first: int) -> Path:
        """The segment that begins with the record of that index."""
        return self.segments_folder / f"{first:020d}.log"

    def seal(self, first: int) -> Path:
        """The seal of that segment, whether or not its records are still here."""
        return self.segments_folder / f"{first:020d}.seal"

    def kept(self, first: int) -> Path:
        """What retention kept of that segment when it removed its records."""
        return self.segments_folder / f"{first:020d}.kept"

    def segments(self) -> list[Path]:
        """The segments whose records are here, in order.

        Raises:
            ConfigError: one is a device or a pipe, which nobody should wait for.
        """
        return [path for path in self._found(".log") if _NAMED.fullmatch(path.name)]

    def seals(self) -> list[Path]:
        """The seals there are, in order; retention leaves a segment's seal behind. Raises as `segments`."""
        return [path for path in self._found(".seal") if _NAMED.fullmatch(path.name)]

    def all_kept(self) -> list[Path]:
        """What retention kept, in order. Raises as `segments`."""
        return [path for path in self._found(".kept") if _NAMED.fullmatch(path.name)]

    def strangers(self) -> list[Path]:
        """Files among the segments under names that the log never gives."""
        found = [*self._found(".log"), *self._found(".seal")]
        return [path for path in found if not _NAMED.fullmatch(path.name)]

    def _found(self, ending: str) -> Iterator[Path]:
        for path in sorted(self.segments_folder.glob(f"[0-9]*{ending}")):
            try:
                mode = path.stat().st_mode
            except FileNotFoundError:  # retention removed it at this moment
                continue
            _refuse_special(path, mode)
            yield path


def first_index(segment: Path) -> int:
    """The index that the name of a segment, or of its seal, promises for its first record.

    Raises:
        ValueError: the name is not one the log gives.
    """
    if not re.fullmatch(r"[0-9]{20}", segment.stem):  # digits of the largest 64-bit number
        raise ValueError(segment.name)
    return int(segment.stem)


def read_bounded(path: Path, bytes_max: int) -> bytes:
    """What a file of the log holds, if it is a file and not larger than such a file can be.

    Whoever owns the folder may have put anything there: a pipe that never ends, a file as large as the disk.

    Raises:
        ConfigError: it is a device or a pipe.
        LogCorrupt: it is larger.
        OSError: it cannot be read, or is missing.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        _refuse_special(path, os.fstat(descriptor).st_mode)
        data = file.read(bytes_max + 1)
    if len(data) > bytes_max:
        raise LogCorrupt(f"{path.name} has more than the {bytes_max:,} bytes that it can have")
    return data


def _refuse_special(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise ConfigError(f"{path} is no ordinary file", hint="a log has none of these; ask who put it there")
