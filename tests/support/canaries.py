"""Unmistakable values, and every byte in which they could hide."""

from __future__ import annotations

import pyarrow as pa

TEXT = "CANARY-IN-THE-COAL-MINE"
NUMBER = int.from_bytes(b"CANARY!!", "little")
MARKS = (b"CANARY", TEXT.encode())


def wire(batch: pa.RecordBatch) -> bytes:
    """Schema and batch as they leave, metadata and padding included."""
    schema: bytes = batch.schema.serialize().to_pybytes()
    body: bytes = batch.serialize().to_pybytes()
    return schema + body


def veiled(values: pa.Array, keep: list[bool]) -> pa.Array:
    """The array with nulls over the slots not kept, the values still underneath."""
    bitmap = bytearray((len(values) + 7) // 8)
    for index, kept in enumerate(keep):
        bitmap[index // 8] |= kept << (index % 8)
    own = values.buffers()[1:2] if values.type.num_fields else values.buffers()[1:]
    children = []
    if pa.types.is_struct(values.type):
        own = []
        children = [values.field(index) for index in range(values.type.num_fields)]
    elif pa.types.is_map(values.type):
        children = [
            pa.StructArray.from_arrays(
                [values.keys, values.items], fields=[values.type.key_field, values.type.item_field]
            )
        ]
    elif values.type.num_fields:
        own = [] if pa.types.is_fixed_size_list(values.type) else own
        children = [values.values]
    return pa.Array.from_buffers(
        values.type, len(values), [pa.py_buffer(bytes(bitmap)), *own], children=children
    )
