"""Where `exchange get` writes: one batch after the other, so that a large answer needs no large memory."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from exchange.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa


class Sink(Protocol):
    """An open file of one format."""

    def write(self, batch: pa.RecordBatch) -> None:
        """Append a batch."""

    def close(self) -> None:
        """Finish the file."""


class _Arrow:
    """pyarrow's own writers."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def write(self, batch: pa.RecordBatch) -> None:
        self._writer.write_batch(batch)

    def close(self) -> None:
        self._writer.close()


class _JsonLines:
    """One JSON object a row, UTF-8."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", newline="\n")

    def write(self, batch: pa.RecordBatch) -> None:
        for row in batch.to_pylist():
            self._file.write(json.dumps(row, ensure_ascii=False, default=as_text) + "\n")

    def close(self) -> None:
        self._file.close()


def as_text(value: Any) -> Any:
    """A value that JSON has no form for: ISO 8601, decimal digits, base64, seconds."""
    if isinstance(value, dt.date | dt.datetime | dt.time):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Decimal):
        return str(value)
    return str(value)


def _parquet(path: Path, schema: pa.Schema) -> Sink:
    import pyarrow.parquet as pq  # noqa: PLC0415 - a format is loaded when it is written

    return _Arrow(pq.ParquetWriter(path, schema))


def _csv(path: Path, schema: pa.Schema) -> Sink:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.csv as pc  # noqa: PLC0415

    nested = [field.name for field in schema if pa.types.is_nested(field.type)]
    if nested:
        raise ConfigError(
            f"CSV has no form for the nested column {nested[0]!r}", hint="write .parquet, .arrow or .jsonl"
        )
    return _Arrow(pc.CSVWriter(path, schema))


def _arrow(path: Path, schema: pa.Schema) -> Sink:
    import pyarrow as pa  # noqa: PLC0415

    return _Arrow(pa.ipc.new_file(path, schema))


def _jsonl(path: Path, _schema: pa.Schema) -> Sink:
    return _JsonLines(path)


FORMATS: dict[str, Callable[[Path, Any], Sink]] = {
    ".parquet": _parquet,
    ".csv": _csv,
    ".arrow": _arrow,
    ".jsonl": _jsonl,
}


def open_sink(path: Path, suffix: str, schema: pa.Schema) -> Sink:
    """A new file of the format that the suffix names.

    Raises:
        ConfigError: the format cannot hold the schema.
    """
    return FORMATS[suffix](path, schema)


def check_suffix(path: Path) -> str:
    """The suffix of a file that can be written.

    Raises:
        ConfigError: no such format.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        known = ", ".join(FORMATS)
        raise ConfigError(
            f"{path} names no format", hint=f"let --out end in {known}; without it you see the first rows"
        )
    return suffix
