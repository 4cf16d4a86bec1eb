"""T50: how long the messages are tells nothing of how many rows policy hides between them."""

from __future__ import annotations

import pyarrow as pa
import pytest

from exchange.connector.enforce.even import EVEN_ROWS, evened
from exchange.connector.enforce.govern import govern
from exchange.model.obligation import ColumnRule, Obligations
from exchange.model.predicate_sql import parse

SCAN = 50_000


def lengths(shown: int, *, scans: int = 4, width: int = 1) -> list[int]:
    """Row counts of what leaves, where each scanned batch has so many rows that policy shows."""
    ward = pa.array(["a"] * shown + ["b"] * (SCAN - shown))
    batch = pa.record_batch({"id": pa.array(["x" * width] * SCAN), "ward": ward})
    obligations = Obligations(columns=(ColumnRule(name="id"),), row_filter=parse("ward = 'a'"))
    found = govern(iter([batch] * scans), obligations, None, batch.schema, bytes(32))
    return [one.num_rows for one in found]


def test_t50_a_row_filter_leaves_lengths_that_depend_on_the_visible_rows_only() -> None:
    assert lengths(40_000, scans=1) == lengths(20_000, scans=2)
    assert set(lengths(40_000)[:-1]) == {EVEN_ROWS}


@pytest.mark.parametrize("shown", [1, 1000, SCAN - 1, SCAN])
def test_t50_no_row_is_lost_or_doubled(shown: int) -> None:
    assert sum(lengths(shown)) == 4 * shown


def test_t50_wide_rows_leave_in_powers_of_two() -> None:
    counts = lengths(3_333, scans=3, width=2000)
    assert sum(counts) == 9_999
    assert all(count & (count - 1) == 0 for count in counts[:-4])


def test_t50_order_is_kept() -> None:
    batches = (pa.record_batch({"id": range(start, start + 777)}) for start in range(0, 77_700, 777))
    found = pa.Table.from_batches(evened(batches, 1 << 20))
    assert found["id"].to_pylist() == list(range(77_700))
