"""The audit log as a source: the table `records`, one row a record, in the order of the log.

A scan reads every record that the log had signed when the scan began, or fails: it never passes off an index
that lags behind for the whole log. Records that were signed later may be there as well, without a hole.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import Field

from connectors.auditlog.extent import extent
from connectors.auditlog.shards import Shard, check_alike, covers, held, shards
from connectors.duckdb.engine import Engine, Relation
from connectors.options import EngineLimits, existing, read
from exchange.errors import ConfigError, SourceFailed
from exchange.model.predicate import Predicate

TABLE = "records"
POLL_S = 0.05
_SQL = "read_parquet(?, hive_partitioning=false, union_by_name=false)"
_OWN = "_"
"""The index's own columns, of places in files, begin with it; they are not served."""


class AuditlogOptions(EngineLimits):
    """The `[source]` table.

    Attributes:
        log: the log's folder, or a copy of it; its records are not opened, only its extent is looked up.
        index: the folder that `exchange audit index --follow` keeps; None for `index` within the log's.
        wait_s: how long a read waits for the index to reach what the log had signed when it began.
    """

    log: str
    index: str | None = None
    wait_s: float = Field(default=15.0, ge=0, le=300)


class AuditlogSource:
    """The index of an audit log; used from many threads, beside whoever keeps it.

    Args:
        options: see AuditlogOptions.
        base: folder of the configuration file.

    Raises:
        ConfigError: an option is wrong, or the log's folder is not there.
    """

    def __init__(self, options: Mapping[str, Any], base: Path) -> None:
        self._options = read(AuditlogOptions, options, "auditlog")
        self._log = existing(base, self._options.log, "log folder")
        # It may be made later than the connector starts, so it need not exist yet.
        place = base / self._options.index if self._options.index is not None else self._log / "index"
        self._index = place.resolve()
        if set("*?[") & set(str(self._index)):
            raise ConfigError(f"{self._index}: a path with * ? or [ cannot be served", hint="rename it")
        self._engine = Engine(":memory:", [self._index], self._options, base)

    def schema(self, table: str) -> pa.Schema:
        """As `Source.schema`."""
        if table != TABLE:
            raise ConfigError(f"an audit log has no table {table!r}", hint=f'write table = "{TABLE}"')
        with held(self._index):
            return self._schema(shards(self._index))

    @contextmanager
    def scan(
        self, table: str, columns: Sequence[str], hint: Predicate | None, batch_rows_max: int
    ) -> Iterator[Iterator[pa.RecordBatch]]:
        """As `Source.scan`."""
        if table != TABLE:
            raise SourceFailed("a table of the dataset is missing", detail=repr(table))
        with ExitStack() as stack:
            found = self._whole(stack)
            schema = self._schema(found)
            if not set(columns) <= set(schema.names):
                raise SourceFailed("a column of the dataset is missing", detail=repr(columns))
            relation = _relation(found)
            yield stack.enter_context(self._engine.scan(relation, columns, hint, batch_rows_max, schema))

    def _whole(self, stack: ExitStack) -> list[Shard]:
        """Shards that cover the log as it is now; held until the stack is left, and not while waiting."""
        wanted, deadline_s = extent(self._log), time.monotonic() + self._options.wait_s
        while True:
            with ExitStack() as attempt:
                attempt.enter_context(held(self._index))
                found = shards(self._index) if self._index.is_dir() else []
                if covers(found, wanted.first, wanted.size):
                    check_alike(found)
                    stack.push(attempt.pop_all())
                    return found
            if time.monotonic() >= deadline_s:
                raise SourceFailed(
                    "the log's index is behind the log",
                    hint="try again in a moment",
                    detail=f"the log holds [{wanted.first}, {wanted.size}), {self._index} {_told(found)}; "
                    "does `exchange audit index --follow` run?",
                )
            time.sleep(POLL_S)

    def _schema(self, found: Sequence[Shard]) -> pa.Schema:
        if not found:
            raise SourceFailed("the log has no index yet", detail=f"{self._index} holds no shard")
        whole = self._engine.schema(_relation(found[:1]))
        return pa.schema([field for field in whole if not field.name.startswith(_OWN)])

    def close(self) -> None:
        """As `Source.close`."""
        self._engine.close()


def _relation(found: Sequence[Shard]) -> Relation:
    return Relation(_SQL, ([str(one.path) for one in found],))


def _told(found: Sequence[Shard]) -> str:
    return ", ".join(f"[{one.first}, {one.end})" for one in found) or "nothing"
