"""JSON Lines: each record verbatim, so that every leaf hash can be computed from the file alone."""

from __future__ import annotations

from typing import BinaryIO

from exchange.audit.exports.choice import Chosen
from exchange.audit.proofs.merkle import leaf_hash


class JsonLines:
    """A record a line, byte for byte as in the log.

    Args:
        file: to write to.
        leaves: put the leaf hash (hex) and a tab before each record.
    """

    def __init__(self, file: BinaryIO, *, leaves: bool = False) -> None:
        self._file, self._leaves = file, leaves

    def write(self, one: Chosen) -> None:
        """Append a record."""
        before = leaf_hash(one.line).hex().encode() + b"\t" if self._leaves else b""
        self._file.write(before + one.line + b"\n")

    def close(self) -> None:
        """Nothing is held back."""
