"""Column types as text, back to Arrow: what a registration says, as the schema a Flight client expects."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pyarrow as pa

from exchange.model.dataset import Column

_TIMESTAMP = re.compile(r"timestamp\[(s|ms|us|ns), tz=([A-Za-z0-9_+:/-]{1,64})\]")
_DECIMAL = re.compile(r"decimal(32|64|128|256)\((\d{1,2}), (-?\d{1,2})\)")
_FIXED_BINARY = re.compile(r"fixed_size_binary\[(\d{1,9})\]")
_DICTIONARY = re.compile(r"dictionary<values=(.*), indices=(\w+), ordered=([01])>")
_LIST = re.compile(r"(large_list|list)<item: (.*)>")


def schema_of(columns: Sequence[Column]) -> pa.Schema | None:
    """The Arrow schema of these columns, without metadata; None if the text of a type is ambiguous.

    Structs, maps and unions print without the quoting that would let them be read back.
    """
    fields = []
    for column in columns:
        found = type_of(column.type)
        if found is None:
            return None
        fields.append(pa.field(column.name, found, nullable=column.nullable))
    return pa.schema(fields)


def type_of(text: str) -> pa.DataType | None:
    """The Arrow type that prints as this text, or None."""
    try:
        found = _parse(text)
    except (ValueError, TypeError, RecursionError, pa.ArrowException):
        return None
    # whatever was read must print as what was written, or it was another type
    return found if found is not None and str(found) == text else None


def _parse(text: str) -> pa.DataType | None:
    if match := _TIMESTAMP.fullmatch(text):
        return pa.timestamp(match[1], tz=match[2])
    if match := _DECIMAL.fullmatch(text):
        make = {"32": pa.decimal32, "64": pa.decimal64, "128": pa.decimal128, "256": pa.decimal256}[match[1]]
        return make(int(match[2]), int(match[3]))
    if match := _FIXED_BINARY.fullmatch(text):
        return pa.binary(int(match[1]))
    if match := _DICTIONARY.fullmatch(text):
        values, indices = type_of(match[1]), type_of(match[2])
        return pa.dictionary(indices, values, ordered=match[3] == "1") if values and indices else None
    if match := _LIST.fullmatch(text):
        item = type_of(match[2])
        return {"list": pa.list_, "large_list": pa.large_list}[match[1]](item) if item else None
    return pa.type_for_alias(text)
