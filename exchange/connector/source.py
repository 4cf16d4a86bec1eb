"""The one interface between the exchange and a department's store.

A plug-in lies in `connectors/<kind>/`, is found by the entry point group `exchange.sources`, and imports only
this module, `exchange.model` and `exchange.errors`. Every plug-in passes the same contract suite
(`tests/contract/test_sources.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import pyarrow as pa

from exchange.model.predicate import Predicate


@runtime_checkable
class Source(Protocol):
    """A department's store, opened once for the life of a connector process; used from many threads."""

    def schema(self, table: str) -> pa.Schema:
        """The table's Arrow schema now, without metadata; columns in the store's order.

        Raises:
            ConfigError: there is no such table; the text names it and says where it was looked for.
            SourceFailed: the store cannot be read at the moment.
        """

    def scan(
        self, table: str, columns: Sequence[str], hint: Predicate | None, batch_rows_max: int
    ) -> AbstractContextManager[Iterator[pa.RecordBatch]]:
        """Read rows, lazily and in constant memory.

        Args:
            table: as in the connector's configuration.
            columns: what to deliver, in this order, at least one; types exactly as `schema` says.
            hint: a predicate the caller applies itself afterwards. The source may use it to skip rows for
                which it is not true and must never skip one for which it is true. Nothing depends on it.
            batch_rows_max: no batch is longer; empty batches are not yielded.

        Leaving the context ends the scan and frees what it holds, also in the middle.

        Raises:
            SourceFailed: at entry or while iterating; `public` says what kind of failure in general words
                ("a line of the file has too few fields"), `detail` carries the store's own text. An error in
                the middle is always raised: a short result never looks whole (F25).
        """

    def close(self) -> None:
        """Release everything; idempotent."""


class SourceFactory(Protocol):
    """What the entry point names: opens a source from a connector's `[source]` table."""

    def __call__(self, options: Mapping[str, Any], base: Path) -> Source:
        """Open the source.

        Args:
            options: the table's keys except `kind`; unknown keys are refused.
            base: folder of the configuration file, against which relative paths are resolved.

        Raises:
            ConfigError: an option is missing, unknown or wrong; the text says which and how to mend it.
        """
