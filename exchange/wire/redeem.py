"""The request of a DoGet: Flight's `Ticket { bytes ticket = 1; }` around the exchange's opaque ticket."""

from __future__ import annotations

from pyarrow.flight import Ticket


def ticket_from_wire(message: bytes) -> bytes:
    """The opaque ticket in the request; b"", which no connector admits, if the request is malformed."""
    try:
        return bytes(Ticket.deserialize(message).ticket)
    except (OSError, ValueError):
        return b""
