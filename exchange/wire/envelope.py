"""What an Arrow IPC message says of itself before anything of it is decoded (T65).

pyarrow decodes a record batch in one step, decompression included, so the few fields that decide whether to
decode at all are read here, straight from the flatbuffer (Arrow format, Message.fbs; FlatBuffers internals):

    Message     { version: short; header_type: ubyte; header: table; bodyLength: long; ... }
    RecordBatch { length: long; nodes: [FieldNode]; buffers: [Buffer]; compression: BodyCompression; ... }
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from exchange.errors import StreamBroken
from exchange.wire.flight import Bytes

SCHEMA, DICTIONARY_BATCH, RECORD_BATCH = 1, 2, 3
_HEADER_TYPE, _HEADER, _BODY_LENGTH = 1, 2, 3
_LENGTH, _COMPRESSION = 0, 3


@dataclass(frozen=True, slots=True)
class Envelope:
    """The outside of a message.

    Attributes:
        kind: SCHEMA, DICTIONARY_BATCH, RECORD_BATCH or another of Message.fbs.
        rows: rows of a record batch, as it claims; 0 for every other kind.
        compressed: whether the body's buffers are compressed.
        body_bytes: length of the body, as it claims.
    """

    kind: int
    rows: int
    compressed: bool
    body_bytes: int


def inspect(header: Bytes) -> Envelope:
    """The outside of the message with this header.

    Raises:
        StreamBroken: the header is not a flatbuffer of an Arrow message.
    """
    try:
        message = _Table(header, *struct.unpack_from("<I", header))
        kind = message.number(_HEADER_TYPE, "<B")
        body_bytes = message.number(_BODY_LENGTH, "<q")
        if kind != RECORD_BATCH:
            return Envelope(kind=kind, rows=0, compressed=False, body_bytes=body_bytes)
        batch = message.table(_HEADER)
        rows, compressed = batch.number(_LENGTH, "<q"), batch.at(_COMPRESSION) is not None
    except (struct.error, IndexError):
        raise StreamBroken("the connector sent a message that is not Arrow") from None
    return Envelope(kind=kind, rows=rows, compressed=compressed, body_bytes=body_bytes)


class _Table:
    """A flatbuffer table; every read is bounds-checked by `struct`, which also refuses what lies outside."""

    def __init__(self, data: Bytes, position: int) -> None:
        self._data = data
        self._position = position
        self._vtable = position - self._unpack("<i", position)
        self._vtable_bytes = self._unpack("<H", self._vtable)

    def at(self, field: int) -> int | None:
        """Where the field lies, or None where it is left out."""
        slot = 4 + 2 * field
        if slot + 2 > self._vtable_bytes:
            return None
        offset = self._unpack("<H", self._vtable + slot)
        return self._position + offset if offset else None

    def number(self, field: int, layout: str) -> int:
        """The field as a number; 0 where it is left out."""
        position = self.at(field)
        return 0 if position is None else self._unpack(layout, position)

    def table(self, field: int) -> _Table:
        """The field as a table."""
        position = self.at(field)
        if position is None:
            raise IndexError(field)
        return _Table(self._data, position + self._unpack("<I", position))

    def _unpack(self, layout: str, position: int) -> int:
        if position < 0:  # struct would count from the end
            raise IndexError(position)
        (value,) = struct.unpack_from(layout, self._data, position)
        return int(value)
