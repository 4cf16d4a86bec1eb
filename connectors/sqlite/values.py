"""SQLite's declared types as Arrow types, and its values as Arrow arrays.

SQLite stores any value in any column; Arrow does not. A value that its column's declared type does not
allow is a failure of the source, never a null and never a rounded number.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from exchange.errors import SourceFailed

_DATE_CHARS = 10


@dataclass(frozen=True)
class Kind:
    """One kind of column.

    Attributes:
        name: as options spell it.
        arrow: its Arrow type.
        stored: the Python types of the values that may be stored in it, besides null.
        convert: from the stored value, where Arrow does not take it as it is; raises ValueError.
    """

    name: str
    arrow: pa.DataType
    stored: frozenset[type]
    convert: Callable[[Any], Any] | None = None


def _boolean(value: int) -> bool:
    if value not in {0, 1}:
        raise ValueError("a boolean is 0 or 1")
    return value == 1


def _date(value: str) -> dt.date:
    if len(value) != _DATE_CHARS:
        raise ValueError("a date is YYYY-MM-DD")
    return dt.date.fromisoformat(value)


def _naive(value: str) -> dt.datetime:
    moment = dt.datetime.fromisoformat(value)
    if moment.tzinfo is not None:
        raise ValueError("a timestamp without time zone has no offset")
    return moment


def _utc(value: str) -> dt.datetime:
    moment = dt.datetime.fromisoformat(value)
    return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment


_TEXT = frozenset({str})
KINDS = {
    kind.name: kind
    for kind in (
        Kind("integer", pa.int64(), frozenset({int})),
        Kind("real", pa.float64(), frozenset({int, float})),
        Kind("text", pa.string(), _TEXT),
        Kind("blob", pa.binary(), frozenset({bytes})),
        Kind("boolean", pa.bool_(), frozenset({int}), _boolean),
        Kind("date", pa.date32(), _TEXT, _date),
        Kind("timestamp", pa.timestamp("us"), _TEXT, _naive),
        Kind("timestamptz", pa.timestamp("us", "UTC"), _TEXT, _utc),
    )
}

# Words in a declared type, in the order in which they decide: first the types people write, then SQLite's own
# rules of affinity (https://sqlite.org/datatype3.html, section 3.1).
_WORDS = (
    ("BOOL", "boolean"),
    ("TIMESTAMPTZ", "timestamptz"),
    ("WITH TIME ZONE", "timestamptz"),
    ("TIMESTAMP", "timestamp"),
    ("DATETIME", "timestamp"),
    ("DATE", "date"),
    ("INT", "integer"),
    ("CHAR", "text"),
    ("CLOB", "text"),
    ("TEXT", "text"),
    ("BLOB", "blob"),
    ("REAL", "real"),
    ("FLOA", "real"),
    ("DOUB", "real"),
    ("NUMERIC", "real"),
    ("DECIMAL", "real"),
)


def kind_of(declared: str) -> Kind | None:
    """The kind of a declared type; None where the declaration says nothing."""
    upper = declared.upper()
    return next((KINDS[name] for word, name in _WORDS if word in upper), None)


def column(values: Sequence[Any], kind: Kind) -> pa.Array:
    """The values of one column.

    Raises:
        SourceFailed: one of them is not what its column declares.
    """
    if set(map(type, values)) - kind.stored - {type(None)}:
        raise SourceFailed(
            "a value does not fit its column's type", detail=f"in a column of kind {kind.name}"
        )
    try:
        if kind.convert is not None:
            values = [None if value is None else kind.convert(value) for value in values]
        return pa.array(values, kind.arrow)
    except (ValueError, OverflowError, pa.ArrowException) as error:
        raise SourceFailed("a value does not fit its column's type", detail=str(error)) from None
