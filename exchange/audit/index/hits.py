"""Hits of the index, read from the log itself: the index says where to look, never what is there."""

from __future__ import annotations

import os
from contextlib import suppress

from exchange.audit.index.lines import line_at, segment_with
from exchange.audit.proofs.leaves import read_leaves
from exchange.audit.proofs.merkle import leaf_hash
from exchange.audit.records.entry import Entry
from exchange.audit.records.record import RECORD_BYTES_MAX
from exchange.audit.storage.layout import Layout
from exchange.errors import LogCorrupt


class Records:
    """The records of a log by their places; the segments are those that are here when it is made."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._segments = layout.segments()

    def read(self, index: int, offset: int | None = None) -> Entry:
        """The record in that place, if it hashes to the leaf that the tree holds for it.

        Args:
            index: the record's place.
            offset: where the index believes its line to be; looked for when it is not there.

        Raises:
            LogCorrupt: the record is not the one in the tree.
            OSError: the segment cannot be read.
        """
        leaf = read_leaves(self._layout.leaves, index, 1)
        line = self._line_near(index, offset) if offset is not None and offset >= 0 else None
        if line is None or [leaf_hash(line)] != leaf:
            line = line_at(self._segments, index)
        if line is None or [leaf_hash(line)] != leaf:
            raise LogCorrupt(
                f"record {index} is not the one in the tree",
                index=index,
                hint="`exchange audit verify` says what was altered",
            )
        return Entry.parse(line)

    def _line_near(self, index: int, offset: int) -> bytes | None:
        path = segment_with(self._segments, index)
        if path is None:
            return None
        with suppress(OSError, OverflowError), path.open("rb") as file:
            return os.pread(file.fileno(), RECORD_BYTES_MAX + 1, offset).partition(b"\n")[0]
        return None
