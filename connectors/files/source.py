"""Files below one folder as a source."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from connectors.duckdb.engine import Engine, Relation
from connectors.files import ipc, text
from connectors.files.options import FilesOptions, Format, TableOptions
from connectors.files.parquet import Parquet
from connectors.files.paths import files_of
from connectors.options import existing, read
from exchange.errors import ConfigError, SourceFailed
from exchange.model.predicate import Predicate


class FilesSource:
    """Parquet, CSV, JSON lines and Arrow IPC files, or folders of one of them.

    Args:
        options: see FilesOptions.
        base: folder of the configuration file.

    Raises:
        ConfigError: an option is wrong, or the root is not a folder.
    """

    def __init__(self, options: Mapping[str, Any], base: Path) -> None:
        self._options = read(FilesOptions, options, "files")
        self._root = existing(base, self._options.root, "root folder")
        if not self._root.is_dir():
            raise ConfigError(f"root {self._options.root!r} is not a folder")
        self._engine = Engine(":memory:", [self._root], self._options, base)
        self._parquet = Parquet(self._engine)
        self._pinned: dict[str, text.Types] = {}
        self._pinning = threading.Lock()

    def schema(self, table: str) -> pa.Schema:
        """As `Source.schema`."""
        files, format_ = files_of(self._root, self._table(table))
        if format_ == "arrow":
            return ipc.schema_of(files)
        if format_ == "parquet":
            return self._parquet.schema(files)
        return self._engine.schema(self._relation(table, files, format_))

    def scan(
        self, table: str, columns: Sequence[str], hint: Predicate | None, batch_rows_max: int
    ) -> AbstractContextManager[Iterator[pa.RecordBatch]]:
        """As `Source.scan`."""
        try:
            files, format_ = files_of(self._root, self._table(table))
        except ConfigError as error:
            # It was there when the connector started; its text names paths, which stay here.
            raise SourceFailed("a file of the dataset is missing", detail=error.public) from None
        if format_ == "arrow":
            return ipc.scan(files, columns, batch_rows_max)
        if format_ == "parquet":
            return self._parquet.scan(files, columns, hint, batch_rows_max)
        relation = self._relation(table, files, format_)
        scan = self._engine.scan(relation, columns, hint, batch_rows_max)
        return self._unmoved(scan, table, files) if format_ == "csv" else scan

    @contextmanager
    def _unmoved(
        self, scan: AbstractContextManager[Iterator[pa.RecordBatch]], table: str, files: list[Path]
    ) -> Iterator[Iterator[pa.RecordBatch]]:
        with scan as batches:
            yield text.unmoved(batches, files, self._table(table), self._pinned[table])

    def _table(self, table: str) -> TableOptions:
        return self._options.tables.get(table) or TableOptions(path=table)

    def _relation(self, table: str, files: list[Path], format_: Format) -> Relation:
        options, is_csv = self._table(table), format_ == "csv"
        with self._pinning:
            if table not in self._pinned:
                self._pinned[table] = text.guess(self._engine, files, options, is_csv=is_csv)
        return text.pinned(files, options, self._pinned[table], is_csv=is_csv)

    def close(self) -> None:
        """As `Source.close`."""
        self._engine.close()
