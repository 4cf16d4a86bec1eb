"""Bitmaps of exactly their own bits: starting at bit 0, no byte too long, zero after the last bit."""

from __future__ import annotations

import pyarrow as pa


def exact(bitmap: pa.Buffer, offset: int, length: int) -> pa.Buffer:
    """The bits [offset, offset + length) of a bitmap, alone.

    A slice of a longer bitmap shares its first and last byte with its neighbours' bits, and an IPC message
    pads it with up to 63 of their bytes.
    """
    first, shift = divmod(offset, 8)
    size = (length + 7) // 8
    data = bitmap.slice(first, min((shift + length + 7) // 8, bitmap.size - first)).to_pybytes()
    if shift:
        data = (int.from_bytes(data, "little") >> shift).to_bytes(len(data), "little")
    tail = length % 8
    if not tail:
        return pa.py_buffer(data[:size])
    return pa.py_buffer(data[: size - 1] + bytes([data[size - 1] & ((1 << tail) - 1)]))
