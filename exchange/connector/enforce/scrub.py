"""Step 8, last: arrays from which nothing can be read but their own values.

Arrow keeps more than it shows. A slice shares its parent's buffers, and an IPC message pads a buffer with
up to 63 bytes of what lies behind it; a null slot keeps the value underneath; a null list keeps its items;
a filtered dictionary keeps every word (T41 to T44). Everything that leaves is therefore rebuilt: plain
layouts only, buffers of exactly the bytes the values need, zeros under nulls, no metadata. What is clean
already is shared, not copied.
"""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import lib

from exchange.connector.enforce import bits
from exchange.connector.enforce.layout import plain_type, unwrapped

_EMPTY = pa.py_buffer(b"")
_BY_WIDTH = {1: pa.int8(), 2: pa.int16(), 4: pa.int32(), 8: pa.int64()}


def scrub(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch rebuilt under a schema without metadata.

    Args:
        batch: columns in the schema's order.
        schema: their names and plain types (`plain_type`).
    """
    return pa.RecordBatch.from_arrays([scrubbed(column) for column in batch.columns], schema=schema)


def scrubbed(values: pa.Array) -> pa.Array:
    """An equal array, of the plain type, that holds nothing else.

    Raises:
        SourceFailed: its type has no plain layout (a union).
    """
    values = unwrapped(values)
    # A type that is not listed is either of fixed width or has none, and then `_fixed_width` raises.
    return _REBUILD.get(values.type.id, _fixed_width)(values)


def _validity(values: pa.Array) -> pa.Buffer | None:
    if not values.null_count:
        return None
    return bits.exact(values.buffers()[0], values.offset, len(values))


def _null(values: pa.Array) -> pa.Array:
    return pa.nulls(len(values))


def _boolean(values: pa.Array) -> pa.Array:
    validity = _validity(values)
    filled = values.fill_null(False) if validity else values  # noqa: FBT003  # the value of a hidden slot
    data = bits.exact(filled.buffers()[1], filled.offset, len(values)) if len(values) else _EMPTY
    return pa.Array.from_buffers(values.type, len(values), [validity, data])


def _fixed_width(values: pa.Array) -> pa.Array:
    width = values.type.bit_width // 8
    validity = _validity(values)
    if validity:
        values = _zero_filled(values, width)
    return pa.Array.from_buffers(values.type, len(values), [validity, _cut(values, width)])


def _cut(values: pa.Array, width: int) -> pa.Buffer:
    return values.buffers()[1].slice(values.offset * width, len(values) * width)


def _zero_filled(values: pa.Array, width: int) -> pa.Array:
    """The values with zero bytes under every null; still of the same type."""
    kind = values.type
    raw = _BY_WIDTH.get(width, pa.binary(width))
    as_raw = pa.Array.from_buffers(raw, len(values), values.buffers(), offset=values.offset)
    filled = as_raw.fill_null(pa.scalar(0 if width in _BY_WIDTH else bytes(width), raw))
    return pa.Array.from_buffers(kind, len(filled), [None, filled.buffers()[1]], offset=filled.offset)


def _text(values: pa.Array) -> pa.Array:
    """Text or binary: nothing can lie between two slots, so only null slots with bytes need a copy."""
    large = pa.types.is_large_string(values.type) or pa.types.is_large_binary(values.type)
    offset_type = pa.int64() if large else pa.int32()
    validity = _validity(values)
    offsets = _offsets(values, offset_type)
    first, last = offsets[0].as_py(), offsets[-1].as_py()
    if validity and (pc.sum(pc.binary_length(values)).as_py() or 0) != last - first:
        values = values.fill_null(pa.scalar("" if not _is_binary(values.type) else b"", values.type))
        offsets = _offsets(values, offset_type)
        first, last = offsets[0].as_py(), offsets[-1].as_py()
    data = values.buffers()[2]
    data = data.slice(first, last - first) if data and last > first else _EMPTY
    return pa.Array.from_buffers(values.type, len(values), [validity, _rebased(offsets, first), data])


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _offsets(values: pa.Array, offset_type: pa.DataType) -> pa.Array:
    """The n + 1 offsets of a variable-width array."""
    buffer = values.buffers()[1]
    if not len(values) and (buffer is None or not buffer.size):
        return pa.array([0], offset_type)
    return pa.Array.from_buffers(offset_type, len(values) + 1, [None, buffer], offset=values.offset)


def _rebased(offsets: pa.Array, first: int) -> pa.Buffer:
    """The offsets counted from zero, in a buffer of exactly their bytes."""
    if first:
        offsets = pc.subtract(offsets, pa.scalar(first, offsets.type))
    return _cut(offsets, offsets.type.bit_width // 8)


def _struct(values: pa.Array) -> pa.Array:
    # `flatten` lets the parent's nulls show in each child, so that the child's own scrub clears them.
    children = [scrubbed(child) for child in values.flatten()]
    kind = plain_type(values.type)
    return pa.Array.from_buffers(kind, len(values), [_validity(values)], children=children)


def _list(values: pa.Array) -> pa.Array:
    """Lists and list views, large or not: items of null lists and between lists are left behind."""
    kind = plain_type(values.type)
    validity = _validity(values)
    items = scrubbed(values.flatten())
    offset_type = pa.int64() if pa.types.is_large_list(kind) else pa.int32()
    lengths = pc.list_value_length(values).fill_null(0)
    ends = pc.cumulative_sum(lengths.cast(offset_type))
    offsets = pa.concat_arrays([pa.array([0], offset_type), ends])
    buffers = [validity, _cut(offsets, offset_type.bit_width // 8)]
    return pa.Array.from_buffers(kind, len(values), buffers, children=[items])


def _map(values: pa.Array) -> pa.Array:
    """A map is a list of key and item pairs; its keys can never be null."""
    kind = plain_type(values.type)
    # `keys` and `items` are those of the whole parent, which the offsets index into.
    pairs = pa.StructArray.from_arrays([values.keys, values.items], ["key", "value"])
    pairs_list = pa.list_(pa.field("entries", pairs.type))
    buffers = values.buffers()[:2]
    as_list = pa.Array.from_buffers(pairs_list, len(values), buffers, offset=values.offset, children=[pairs])
    plain = _list(as_list)
    fields = [kind.key_field, kind.item_field]
    entries = pa.StructArray.from_arrays(plain.values.flatten(), fields=fields)
    return pa.Array.from_buffers(kind, len(values), plain.buffers()[:2], children=[entries])


def _fixed_size_list(values: pa.Array) -> pa.Array:
    kind = plain_type(values.type)
    validity = _validity(values)
    # Plain first: `take` has no kernel for items in other layouts, such as views.
    items = scrubbed(_all_items(values))
    if validity:
        plain = pa.Array.from_buffers(kind, len(values), [validity], children=[items])
        ranks = pc.cumulative_sum(pc.is_valid(plain).cast(pa.int64()))
        rows = pc.if_else(pc.is_valid(plain), pc.subtract(ranks, 1), pa.scalar(None, pa.int64()))
        # Taking by a null index makes the items of a null list null as well, for their own scrub to clear.
        items = scrubbed(_all_items(plain.drop_null().take(rows)))
    return pa.Array.from_buffers(kind, len(values), [validity], children=[items])


def _all_items(values: pa.Array) -> pa.Array:
    """The items of every fixed-size list, those of null lists included."""
    size = values.type.list_size
    return values.values.slice(values.offset * size, len(values) * size)


_REBUILD: dict[int, Callable[[pa.Array], pa.Array]] = {
    lib.Type_NA: _null,
    lib.Type_BOOL: _boolean,
    lib.Type_STRING: _text,
    lib.Type_LARGE_STRING: _text,
    lib.Type_BINARY: _text,
    lib.Type_LARGE_BINARY: _text,
    lib.Type_STRUCT: _struct,
    lib.Type_MAP: _map,
    lib.Type_FIXED_SIZE_LIST: _fixed_size_list,
    lib.Type_LIST: _list,
    lib.Type_LARGE_LIST: _list,
    lib.Type_LIST_VIEW: _list,
    lib.Type_LARGE_LIST_VIEW: _list,
    lib.Type_SPARSE_UNION: _list,  # which has no plain layout for it and refuses
    lib.Type_DENSE_UNION: _list,
}
