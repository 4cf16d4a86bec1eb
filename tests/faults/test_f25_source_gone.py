"""F25: a source that goes away in mid-scan is an error to the consumer, and its receipt says failed."""

from __future__ import annotations

from pathlib import Path

import pytest
from connector_house import MemorySource, open_house, read

from exchange.errors import SourceFailed
from exchange.model.receipt import Outcome

FAILURES = [
    SourceFailed("the database is gone"),
    ConnectionResetError("db7.port.internal:5432"),
    StopIteration(),
]


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
def test_f25_a_source_gone_in_mid_scan(tmp_path: Path, failure: Exception) -> None:
    def fail(number: int) -> None:
        if number == 7:
            raise failure

    source = MemorySource(3_000_000, batch_rows=300_000)
    source.before = fail
    with open_house(tmp_path, source=source) as house, house.channel(house.dispatch()) as line:
        got = read(line, house.token())
        assert isinstance(got.error, SourceFailed)
        assert got.receipt is None
        assert 0 < got.rows < source.rows

        end = house.statements()[-1]
        assert (end.kind, end.outcome, end.reason) == ("end", Outcome.FAILED, "source-failed")
        assert end.rows >= got.rows
        assert source.open_scans == 0

        source.before = lambda _: None
        assert read(line, house.token()).rows == source.rows
