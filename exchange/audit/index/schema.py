"""The columns of the index: one row a record, in the order of the log.

A field that a kind lacks, a text that is "", and a value of another type than the column's (which only kinds
of the future could have) are null. `statement`, `signature`, `der`, `files` and `commitment` are not here:
those are read from the record itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from exchange.audit.records.record import MOMENT, moment_us

VERSION = 1
"""Of this module and of `rows`; a shard of another version is built anew."""

Sort = Literal["text", "integer", "list", "time"]

COLUMNS: dict[str, Sort] = {
    "index": "integer",
    "time": "time",
    "kind": "text",
    "id": "text",
    "trace": "text",
    "subject": "text",
    "department": "text",
    "speaker": "text",
    "dataset": "text",
    "purpose": "text",
    "columns": "list",
    "columns_count": "integer",
    "action": "text",
    "decision": "text",
    "outcome": "text",
    "reason": "text",
    "public_reason": "text",
    "rules": "list",
    "revision": "integer",
    "previous": "integer",
    "state": "text",
    "obligations": "text",
    "schema_digest": "text",
    "row_limit": "integer",
    "expires": "time",
    "rows": "integer",
    "bytes": "integer",
    "batches": "integer",
    "digest": "text",
    "predicate": "text",
    "call": "text",
    "target": "text",
    "role": "text",
    "certificate": "text",
    "location": "text",
    "event": "text",
    "message": "text",
    "bundle": "text",
    "size": "integer",
    "version": "text",
}
"""In the order of the table; `index` is the record's place in the log."""

SQL_TYPES: dict[Sort, str] = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "list": "VARCHAR[]",
    "time": "TIMESTAMP WITH TIME ZONE",
}

PLACE = "_at"
"""A column of the shards that the view `records` does not show: the line's offset in its segment file."""

JOINED = {name: f"_{name}" for name, sort in COLUMNS.items() if sort == "list"}
"""Likewise: the items of each list in one text, a line each; text is found in it ten times as fast."""

STORED = (*COLUMNS, PLACE, *JOINED.values())
"""The columns of a shard, in order."""

_INT64 = 2**63


def row_of(place: int, fields: Mapping[str, Any]) -> dict[str, Any]:
    """What the index holds of a record; a time is unix microseconds.

    Args:
        place: the record's index in the log.
        fields: as in its line.
    """
    row = {name: _value(sort, fields.get(name)) for name, sort in COLUMNS.items()}
    row["index"] = place
    return row


def _value(sort: Sort, value: Any) -> Any:
    if sort == "text":
        return value if isinstance(value, str) and value else None
    if sort == "integer":
        return value if type(value) is int and -_INT64 <= value < _INT64 else None
    if sort == "list":
        return value if isinstance(value, list) and all(isinstance(item, str) for item in value) else None
    return _moment(value)


def _moment(value: Any) -> int | None:
    if not isinstance(value, str) or not MOMENT.fullmatch(value):
        return None
    try:
        return moment_us(value)
    except ValueError:  # the 31st of February
        return None
