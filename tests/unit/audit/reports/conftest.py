from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from exchange.audit.index.schema import COLUMNS, row_of

TYPES = {
    "text": pa.string(),
    "integer": pa.int64(),
    "list": pa.list_(pa.string()),
    "time": pa.timestamp("us", tz="UTC"),
}
Index = Callable[[list[dict[str, Any]]], Any]


@pytest.fixture
def index() -> Iterator[Index]:
    """A connection with the view `records` over records given as dicts, `us` being their time."""
    opened: list[Any] = []

    def build(records: list[dict[str, Any]]) -> Any:
        rows = [
            row_of(place, {**record, "time": None}) | {"time": record["us"]}
            for place, record in enumerate(records)
        ]
        fields = [(name, TYPES[sort]) for name, sort in COLUMNS.items()]
        connection = duckdb.connect()
        opened.append(connection)
        connection.register("records", pa.Table.from_pylist(rows, schema=pa.schema(fields)))
        return connection

    yield build
    for connection in opened:
        connection.close()
