"""Where what lies in a log's folder.

lock                               held by the one writer (F23)
checkpoint                         the latest signed checkpoint (c2sp.org/tlog-checkpoint)
segments/<first index, 20 digits>.log   the records
tree/leaves                        the leaf hashes, 32 bytes each, in order
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


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
    def leaves(self) -> Path:
        """The leaf hashes."""
        return self.folder / "tree" / "leaves"

    def segment(self, first: int) -> Path:
        """The segment that begins with the record of that index."""
        return self.segments_folder / f"{first:020d}.log"

    def segments(self) -> list[Path]:
        """The segments there are, in order."""
        return sorted(self.segments_folder.glob("[0-9]*.log"))


def first_index(segment: Path) -> int:
    """The index that a segment's name promises for its first record.

    Raises:
        ValueError: the name is not one the log gives.
    """
    if len(segment.stem) != 20:  # noqa: PLR2004 — digits of the largest 64-bit number
        raise ValueError(segment.name)
    return int(segment.stem)
