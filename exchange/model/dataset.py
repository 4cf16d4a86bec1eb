"""What is shared: a dataset's id, its columns, and the digest that pins both."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from enum import StrEnum
from functools import cached_property, lru_cache

from pydantic import Field, field_validator

from exchange.errors import RequestInvalid
from exchange.model.base import Frozen
from exchange.model.subject import is_department

COLUMNS_MAX = 4096
NAME_CHARS_MAX = 128
TITLE_CHARS_MAX = 200
TYPE_CHARS_MAX = 16_384
TYPE_DEPTH_MAX = 32
_LOCAL_NAME = re.compile(r"[^\W_][\w-]{0,63}")


class Family(StrEnum):
    """The families of column types between which comparisons make sense."""

    BOOLEAN = "boolean"
    NUMBER = "number"
    TEXT = "text"
    BINARY = "binary"
    DATE = "date"
    TIMESTAMP = "timestamp"
    OTHER = "other"


class Column(Frozen):
    """One column: its name as the source spells it and its Arrow type as text (`timestamp[us, tz=UTC]`)."""

    name: str
    type: str = Field(max_length=TYPE_CHARS_MAX)
    nullable: bool = True

    @field_validator("type")
    @classmethod
    def _shallow(cls, text: str) -> str:
        if _depth(text) > TYPE_DEPTH_MAX:
            raise ValueError(f"a column's type is nested more than {TYPE_DEPTH_MAX} deep")
        return text

    @property
    def family(self) -> Family:
        """The family of the column's type; OTHER for nested and rare types, which cannot be compared."""
        return family(self.type)


class Dataset(Frozen):
    """A dataset as its connector declares it.

    Attributes:
        id: `<department>.<name>`; the department part is ASCII, the name any Unicode letters and digits.
        title: for people.
        columns: every column the source has, delivered or not.
    """

    id: str
    title: str = Field(max_length=TITLE_CHARS_MAX)
    columns: tuple[Column, ...]

    @field_validator("columns")
    @classmethod
    def _distinct(cls, columns: tuple[Column, ...]) -> tuple[Column, ...]:
        check_column_names(tuple(column.name for column in columns))
        return columns

    @property
    def department(self) -> str:
        """The department that provides it."""
        return self.id.partition(".")[0]

    @cached_property
    def schema_digest(self) -> str:
        """SHA-256 (hex) over names, types and order of the columns; a redefinition changes it (T21)."""
        shape = [[column.name, column.type, column.nullable] for column in self.columns]
        text = json.dumps([self.id, shape], ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def column(self, name: str) -> Column | None:
        """The column of that name, or None."""
        return self._by_name.get(name)

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of all columns."""
        return frozenset(self._by_name)

    @cached_property
    def _by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}


def check_dataset_id(text: str) -> str:
    """The text itself, if it is a well-formed dataset id in Unicode NFC.

    Raises:
        RequestInvalid: it is not.
    """
    department, dot, name = text.partition(".")
    well_formed = (
        len(text) <= NAME_CHARS_MAX
        and unicodedata.is_normalized("NFC", text)
        and dot
        and is_department(department)
        and _LOCAL_NAME.fullmatch(name)
    )
    if not well_formed:
        raise RequestInvalid(
            "that is not a dataset id", hint="a dataset id is <department>.<name>, for example port.flights"
        )
    return text


def _depth(arrow_type: str) -> int:
    """How deep angle brackets stand in each other."""
    deepest = depth = 0
    for character in arrow_type:
        depth += (character == "<") - (character == ">")
        deepest = max(deepest, depth)
    return deepest


def check_column_names(names: tuple[str, ...]) -> None:
    """Refuse column names that could be taken for one another (T46).

    Raises:
        ValueError: too many, empty, over-long, duplicate or look-alike names (equal under NFKC case folding).
    """
    if len(names) > COLUMNS_MAX:
        raise ValueError(f"{len(names)} columns; at most {COLUMNS_MAX} are served")
    seen: dict[str, str] = {}
    for name in names:
        if not name or len(name) > NAME_CHARS_MAX or any(unicodedata.category(c) == "Cc" for c in name):
            raise ValueError(f"column name {name!r} is empty, too long or has control characters")
        folded = unicodedata.normalize("NFKC", name).casefold()
        if folded in seen:
            raise ValueError(f"columns {seen[folded]!r} and {name!r} are duplicates or look alike")
        seen[folded] = name


_FAMILIES = (
    (re.compile(r"bool"), Family.BOOLEAN),
    (re.compile(r"u?int(8|16|32|64)|halffloat|float|double|decimal(32|64|128|256)\(.*\)"), Family.NUMBER),
    (re.compile(r"(large_)?string|string_view"), Family.TEXT),
    (re.compile(r"(large_)?binary|binary_view|fixed_size_binary\[\d+\]"), Family.BINARY),
    (re.compile(r"date(32|64)\[\w+\]"), Family.DATE),
    (re.compile(r"timestamp\[.*\]"), Family.TIMESTAMP),
)


@lru_cache(maxsize=1024)
def family(arrow_type: str) -> Family:
    """The family of an Arrow type given as pyarrow prints it; a dictionary counts as its values."""
    inner = re.fullmatch(r"dictionary<values=(.*), indices=\w+, ordered=\d>", arrow_type)
    text = inner[1] if inner else arrow_type
    return next((found for pattern, found in _FAMILIES if pattern.fullmatch(text)), Family.OTHER)
