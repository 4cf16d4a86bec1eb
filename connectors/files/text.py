"""CSV and JSON lines: types are guessed once, from every line, and then pinned.

A guess from a sample changes with the sample; and a file that is replaced while the connector runs must not
change what a column means. So the whole file is read once for its types, they are kept for the life of the
source, and a header that no longer agrees is a failure: values must not come out under another column's name.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from connectors.duckdb.engine import Engine, Relation, literal
from connectors.files.options import TableOptions
from exchange.errors import ConfigError, SourceFailed
from exchange.model.dataset import check_column_names

Types = dict[str, str]
_CSV = """read_csv(?, delim={delimiter}, quote='"', escape='"', header=true, skip=0, comment='',
    nullstr={nulls}, allow_quoted_nulls=false, strict_mode=true, null_padding=false, ignore_errors=false,
    union_by_name=false, hive_partitioning=false, dateformat='%Y-%m-%d', {more})"""
_JSON = """read_json(?, format='newline_delimited', ignore_errors=false, hive_partitioning=false,
    map_inference_threshold=-1, {more})"""


def guess(engine: Engine, files: Sequence[Path], options: TableOptions, *, is_csv: bool) -> Types:
    """Column names and DuckDB types, guessed from every line of every file.

    Raises:
        ConfigError: an option names a column that is not there, or column names that look alike.
        SourceFailed: the files cannot be read.
    """
    more = (
        "sample_size=-1, union_by_name=true"
        if not is_csv
        else f"sample_size=-1, all_varchar={options.all_text}"
    )
    if is_csv:
        header(files, options)
    relation = _relation(files, options, more, is_csv=is_csv)
    rows = engine.rows(f"DESCRIBE SELECT * FROM {relation.sql}", relation.parameters)  # noqa: S608  # own text
    types = {str(name): str(kind) for name, kind, *_ in rows}
    for column, kind in options.types.items():
        if column not in types:
            raise ConfigError(f"`types` names column {column!r}, which {options.path!r} does not have")
        types[column] = kind.upper()
    return types


def pinned(files: Sequence[Path], options: TableOptions, types: Types, *, is_csv: bool) -> Relation:
    """The files as a relation of exactly these columns.

    Raises:
        SourceFailed: a CSV header no longer agrees with them.
    """
    if is_csv:
        _check_header(files, options, types)
    columns = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in types.items())
    return _relation(files, options, f"auto_detect=false, columns={{{columns}}}", is_csv=is_csv)


def unmoved(
    batches: Iterator[pa.RecordBatch], files: Sequence[Path], options: TableOptions, types: Types
) -> Iterator[pa.RecordBatch]:
    """The batches of a CSV scan, as long as its files' first lines name the columns they were read as.

    DuckDB opens the files after `pinned` has looked at them. A file put in its place in between would give
    its values out under another column's name; so nothing of it leaves before its header is seen again.

    Raises:
        SourceFailed: a header no longer agrees.
    """
    seen: list[tuple[int, int]] = []
    for batch in batches:
        now = _stamps(files)
        if now != seen:
            _check_header(files, options, types)
            # only if nothing moved meanwhile does what was just looked at count as seen
            seen = now if _stamps(files) == now else []
        yield batch


def _stamps(files: Sequence[Path]) -> list[tuple[int, int]]:
    try:
        return [(status.st_ino, status.st_mtime_ns) for status in (file.lstat() for file in files)]
    except OSError as error:
        raise SourceFailed("a file of the dataset is missing", detail=str(error)) from None


def _check_header(files: Sequence[Path], options: TableOptions, types: Types) -> None:
    if header(files, options) != list(types):
        raise SourceFailed("the columns of a file have changed since the connector started")


def header(files: Sequence[Path], options: TableOptions) -> list[str]:
    """The column names in the first line, the same in every file.

    Raises:
        SourceFailed: a file is missing, empty or not UTF-8; names look alike; files differ.
    """
    found = [_first_record(file, delimiter_of(file, options)) for file in files]
    if any(names != found[0] for names in found):
        raise SourceFailed("the files of the dataset have different columns")
    try:
        check_column_names(tuple(found[0]))
    except ValueError as error:
        raise SourceFailed("the first line of a file does not name its columns", detail=str(error)) from None
    return found[0]


def _first_record(file: Path, delimiter: str) -> list[str]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            return next(csv.reader(lines, delimiter=delimiter, strict=True))
    except StopIteration:
        raise SourceFailed("a file of the dataset is empty", detail=str(file)) from None
    except (OSError, UnicodeError, csv.Error) as error:
        raise SourceFailed("the first line of a file cannot be read", detail=f"{file}: {error}") from None


def delimiter_of(file: Path, options: TableOptions) -> str:
    """What separates fields in this file."""
    return options.delimiter or ("\t" if file.suffix.lower() == ".tsv" else ",")


def _relation(files: Sequence[Path], options: TableOptions, more: str, *, is_csv: bool) -> Relation:
    nulls = f"[{', '.join(literal(text) for text in options.null_texts)}]"
    delimiter = literal(delimiter_of(files[0], options))
    sql = _CSV.format(delimiter=delimiter, nulls=nulls, more=more) if is_csv else _JSON.format(more=more)
    return Relation(sql, ([str(file) for file in files],))
