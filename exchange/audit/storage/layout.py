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
        """The segments whose records are here, in order."""
        return sorted(self.segments_folder.glob("[0-9]*.log"))

    def seals(self) -> list[Path]:
        """The seals there are, in order; retention leaves a segment's seal behind."""
        return sorted(self.segments_folder.glob("[0-9]*.seal"))


def first_index(segment: Path) -> int:
    """The index that the name of a segment, or of its seal, promises for its first record.

    Raises:
        ValueError: the name is not one the log gives.
    """
    if len(segment.stem) != 20:  # noqa: PLR2004 — digits of the largest 64-bit number
        raise ValueError(segment.name)
    return int(segment.stem)
