"""Lines of a log to rows of the index, in one SQL statement: no Python runs for a single record."""

from __future__ import annotations

import json

from exchange.audit.index.schema import COLUMNS, JOINED, PLACE, SQL_TYPES, STORED, Sort
from exchange.audit.records.entry import KINDS
from exchange.audit.records.record import MOMENT

SOURCE = "lines"
"""What the statement reads: columns `place` (the record's index), `offset` (of its line) and `line`."""

_READ = [name for name in COLUMNS if name != "index"]
_JSON_TYPES: dict[Sort, object] = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "list": ["VARCHAR"],
    "time": "VARCHAR",
}


def rows_of_lines() -> str:
    """The SELECT that turns `lines` into rows.

    A line of a kind that this version knows is converted at once: its types are what the kind says. Of any
    other kind each field is taken only if its type fits the column. A line that is no JSON is a row of nulls.
    """
    shape = json.dumps({name: _JSON_TYPES[COLUMNS[name]] for name in _READ})
    known = ", ".join(f"'{kind}'" for kind in sorted(KINDS))
    fitting = ", ".join(f"'{name}': {_fitting(name, COLUMNS[name])}" for name in _READ)
    columns = ", ".join(_column(name) for name in COLUMNS)
    joined = ", ".join(
        f'array_to_string(fields."{name}", chr(10)) AS {text}' for name, text in JOINED.items()
    )
    # Every name and literal below is this package's own; nothing of a record or a person is in the text.
    return f"""
        SELECT {columns}, "offset" AS {PLACE}, {joined} FROM (
            SELECT place, "offset",
                CASE WHEN fields.kind IN ({known}) THEN fields ELSE {{{fitting}}} END AS fields
            FROM (SELECT place, "offset", line, TRY(from_json(line, '{shape}')) AS fields FROM {SOURCE})
        )"""  # noqa: S608


def no_rows() -> str:
    """The SELECT of an index without records."""
    types = {**{name: SQL_TYPES[sort] for name, sort in COLUMNS.items()}, PLACE: SQL_TYPES["integer"]}
    types |= dict.fromkeys(JOINED.values(), SQL_TYPES["text"])
    columns = ", ".join(f'NULL::{types[name]} AS "{name}"' for name in STORED)
    return f"SELECT {columns} WHERE false"


def _column(name: str) -> str:
    sort = COLUMNS[name]
    if name == "index":
        return 'place AS "index"'
    if sort == "text":
        return f"""nullif(fields."{name}", '') AS "{name}\""""
    if sort == "time":
        return f'TRY_CAST(fields."{name}" AS {SQL_TYPES[sort]}) AS "{name}"'
    return f'fields."{name}" AS "{name}"'


def _fitting(name: str, sort: Sort) -> str:
    """The field of a record of unknown kind, or NULL if it is of another type."""
    path = f"'$.\"{name}\"'"
    kind = f"TRY(json_type(line, {path}))"
    text = f"TRY(line ->> {path})"
    if sort == "integer":
        return f"CASE WHEN {kind} IN ('BIGINT', 'UBIGINT') THEN TRY_CAST({text} AS BIGINT) END"
    if sort == "list":
        items = f"'$.\"{name}\"[*]'"
        only_text = f"list_distinct(TRY(json_type(line, {items}))) IN ([], ['VARCHAR'])"
        return f"CASE WHEN {kind} = 'ARRAY' AND {only_text} THEN TRY(line ->> {items}) END"
    moment = f" AND regexp_full_match({text}, '{MOMENT.pattern}')" if sort == "time" else ""
    return f"CASE WHEN {kind} = 'VARCHAR'{moment} THEN {text} END"
