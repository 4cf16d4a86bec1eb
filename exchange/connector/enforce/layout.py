"""The plain Arrow layouts in which data leaves a connector.

Dictionaries, run-end encodings, views and extensions keep values in places that row filters and masks do not
reach (T41, T43); each has a plain counterpart. Unions have none and are refused.
"""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import lib

from exchange.errors import SourceFailed

_FLAT = frozenset(
    {
        lib.Type_BOOL,
        lib.Type_INT32,
        lib.Type_INT64,
        lib.Type_FLOAT,
        lib.Type_DOUBLE,
        lib.Type_STRING,
        lib.Type_DATE32,
        lib.Type_TIMESTAMP,
    }
)
"""Common types that are plain as they are; known by number, as every column of every batch is asked."""

_PLAIN_VIEWS = (
    (pa.types.is_string_view, pa.string()),
    (pa.types.is_binary_view, pa.binary()),
)


def plain_type(kind: pa.DataType) -> pa.DataType:
    """The plain layout of a type, without any metadata in nested fields.

    Raises:
        SourceFailed: the type has none (a union), so such a column cannot be delivered.
    """
    if kind.id in _FLAT:
        return kind
    types = pa.types
    if isinstance(kind, pa.BaseExtensionType):
        return plain_type(kind.storage_type)
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return plain_type(kind.value_type)
    for is_view, plain in _PLAIN_VIEWS:
        if is_view(kind):
            return plain
    if types.is_nested(kind):
        return _plain_nested(kind)
    return kind


def _plain_nested(kind: pa.DataType) -> pa.DataType:
    types = pa.types
    if types.is_struct(kind):
        return pa.struct([_bare(kind.field(i)) for i in range(kind.num_fields)])
    if types.is_map(kind):
        return pa.map_(plain_type(kind.key_type), _bare(kind.item_field), keys_sorted=kind.keys_sorted)
    make: Callable[[pa.Field], pa.DataType]
    if types.is_list(kind) or types.is_list_view(kind):
        make = pa.list_
    elif types.is_large_list(kind) or types.is_large_list_view(kind):
        make = pa.large_list
    elif types.is_fixed_size_list(kind):
        return pa.list_(_bare(kind.value_field), kind.list_size)
    else:
        raise SourceFailed(
            "a column has a type that cannot be delivered", detail=f"{kind} has no plain layout"
        )
    return make(_bare(kind.value_field))


def _bare(field: pa.Field) -> pa.Field:
    """The field without metadata; nullable, because what a mask or a parent hides becomes null."""
    return pa.field(field.name, plain_type(field.type))


def unwrapped(values: pa.Array) -> pa.Array:
    """The array with its outermost layer in plain layout; children are left as they are."""
    kind = values.type
    if kind.id in _FLAT:
        return values
    if isinstance(kind, pa.BaseExtensionType):
        return unwrapped(values.storage)
    if pa.types.is_dictionary(kind):
        return unwrapped(values.dictionary_decode())
    if pa.types.is_run_end_encoded(kind):
        return unwrapped(pc.run_end_decode(values))
    for is_view, plain in _PLAIN_VIEWS:
        if is_view(kind):
            return values.cast(plain)
    return values
