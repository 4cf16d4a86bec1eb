"""T21, T45, T46: a dataset redefined after the ticket was issued is not delivered under it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from connector_house import SCHEMA, open_house, read

REDEFINED = {
    "a column was added": SCHEMA.append(pa.field("salary", pa.int64())),
    "a column was renamed": SCHEMA.set(1, pa.field("delay", pa.int64())),
    "a column was retyped": SCHEMA.set(1, pa.field("dep_delay", pa.string())),
    "a column may be null now": SCHEMA.set(1, pa.field("dep_delay", pa.int64(), nullable=False)),
    "the columns were reordered": pa.schema(list(SCHEMA)[::-1]),
}


@pytest.mark.parametrize("how", REDEFINED)
def test_t21_a_ticket_is_void_once_the_dataset_was_redefined(tmp_path: Path, how: str) -> None:
    with open_house(tmp_path) as house, house.channel(house.dispatch()) as line:
        token = house.token()
        house.source.table_schema = REDEFINED[how]
        got = read(line, token)

        assert (got.raw, got.reason) == ([], "ticket-schema")
        assert house.said() == [("refusal", "ticket-schema")]


def test_t46_look_alike_columns_at_the_source_are_not_delivered(tmp_path: Path) -> None:
    with open_house(tmp_path) as house, house.channel(house.dispatch()) as line:
        token = house.token()
        house.source.table_schema = SCHEMA.append(pa.field("ORIGIN", pa.string()))
        got = read(line, token)

        assert (got.raw, got.reason) == ([], "source-failed")
        assert house.said() == [("refusal", "source-failed")]
