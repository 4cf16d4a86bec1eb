"""What a failure of DuckDB or Arrow means, in words that give nothing of the store away (T55)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from exchange.errors import SourceFailed

ENGINE_ERRORS = (duckdb.Error, pa.ArrowException, OSError, UnicodeError)
"""Everything that reading through DuckDB or Arrow raises when the store is at fault."""

_MEANINGS = (
    (
        r"expected number of columns|too many columns|too few|missing columns",
        "a line of the file has too few or too many fields",
    ),
    (
        r"error when converting column|could not convert|conversion error|failed to cast",
        "a value does not fit its column's type",
    ),
    (r"unterminated quote|quote", "a line of the file has an unclosed quote"),
    (r"malformed json", "a line of the file is not whole json"),
    (r"no files found|no such file|cannot open file|does not exist", "a file of the dataset is missing"),
    (
        r"not an arrow file|tprotocolexception|parquet|magic bytes|footer|truncated|unexpected end|corrupt",
        "a file is damaged or cut short",
    ),
    (r"invalid unicode|utf-?8", "a file holds text that is not utf-8"),
    (r"out of memory|memory limit", "the source ran out of memory"),
    (r"could not set lock|database is locked|conflicting lock", "the store is locked by another process"),
)


def failure(error: BaseException) -> SourceFailed:
    """The failure as the exchange says it; the engine's own text goes to `detail`."""
    text = str(error)
    lowered = text.lower()
    public = next(
        (meaning for pattern, meaning in _MEANINGS if re.search(pattern, lowered)),
        "the store failed while it was read",
    )
    return SourceFailed(public, detail=brief(text))


def brief(text: str) -> str:
    """What went wrong and in which file, without the engine's advice: its switches are not ours to turn."""
    file = re.search(r"^\s*file = (.+)$", text, re.MULTILINE)
    lines = re.split(r"possible fixes|the search space", text, maxsplit=1, flags=re.IGNORECASE)[0].split("\n")
    told = [line.strip() for line in lines if line.strip()] + ([f"file {file[1]}"] if file else [])
    return "; ".join(told)


@contextmanager
def translated() -> Iterator[None]:
    """Raise the store's failures as the exchange's."""
    try:
        yield
    except ENGINE_ERRORS as error:
        raise failure(error) from None
