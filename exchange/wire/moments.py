"""Moments on the wire."""

from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp


def timestamp(unix_us: int) -> Timestamp:
    """Unix microseconds as a message."""
    found = Timestamp()
    found.FromMicroseconds(unix_us)
    return found
