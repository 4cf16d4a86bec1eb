"""What has arrived so far: the consumer's own count, which a trailer must equal."""

from __future__ import annotations

import hashlib

from exchange.wire.flight import Data


class Tally:
    """Rows, batches, bytes and the digest over record batches, in order of arrival.

    Bytes and digest (SHA-256) cover each batch's IPC header followed by its body, as both ends count them.
    """

    def __init__(self) -> None:
        self.rows = 0
        self.bytes = 0
        self.batches = 0
        self._hash = hashlib.sha256()

    def add(self, data: Data, rows: int) -> None:
        """Count one record batch."""
        self.rows += rows
        self.bytes += len(data.header) + len(data.body)
        self.batches += 1
        self._hash.update(data.header)
        self._hash.update(data.body)

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over everything so far."""
        return self._hash.hexdigest()
