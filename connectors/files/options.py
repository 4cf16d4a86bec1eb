"""The `[source]` table of a files connector."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator

from connectors.options import EngineLimits, Options

Format = Literal["parquet", "csv", "jsonl", "arrow"]

SUFFIXES: dict[str, Format] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".arrow": "arrow",
    ".arrows": "arrow",
    ".feather": "arrow",
}


class TableOptions(Options):
    """How one table is read.

    Attributes:
        path: file or folder below `root`.
        format: None: by the suffix.
        delimiter: CSV: between fields; None is a tab for `.tsv`, else a comma.
        null_texts: CSV: fields (unquoted) that mean null.
        all_text: CSV: no type is guessed; every column is text.
        types: CSV and JSON lines: DuckDB types of columns whose guessed type is wrong, for example codes with
            leading zeros: `{ post_code = "VARCHAR" }`.
    """

    path: str
    format: Format | None = None
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    null_texts: list[str] = Field(default_factory=lambda: [""], max_length=16)
    all_text: bool = False
    types: dict[str, str] = Field(default_factory=dict)

    @field_validator("types")
    @classmethod
    def _plain_types(cls, types: dict[str, str]) -> dict[str, str]:
        for column, name in types.items():
            if name.upper() not in _TYPES and not _DECIMAL.fullmatch(name.upper()):
                raise ValueError(
                    f"{name!r} of column {column!r} is none of {', '.join(sorted(_TYPES))}, DECIMAL(p, s)"
                )
        return types


_TYPES = frozenset(
    {
        "BOOLEAN",
        "TINYINT",
        "SMALLINT",
        "INTEGER",
        "BIGINT",
        "UTINYINT",
        "USMALLINT",
        "UINTEGER",
        "UBIGINT",
        "FLOAT",
        "DOUBLE",
        "VARCHAR",
        "DATE",
        "TIME",
        "TIMESTAMP",
        "TIMESTAMPTZ",
        "BLOB",
        "UUID",
    }
)
_DECIMAL = re.compile(r"DECIMAL\(\d{1,2}, ?\d{1,2}\)")


class FilesOptions(EngineLimits):
    """The `[source]` table.

    Attributes:
        root: the only folder files are read from, relative to the configuration file.
        tables: options of tables by name; any other table name is itself a path below `root`.
    """

    root: str
    tables: dict[str, TableOptions] = Field(default_factory=dict)
