"""T55: traceback, path, SQL and host name of the department never reach a consumer; a reason and an id do."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from connector_house import House, MemorySource, begin, open_house

from exchange.errors import ConfigError, SourceFailed

INTERNALS = "/srv/port/flights.db: SELECT secret FROM t WHERE host = 'db7.port.internal'"


def _fail_while_reading(source: MemorySource, error: Exception) -> None:
    def fail(_: int) -> None:
        raise error

    source.before = fail


def _fail_at_schema(source: MemorySource, error: Exception) -> None:
    def fail(_: str) -> None:
        raise error

    source.schema = fail  # type: ignore[method-assign, assignment]


def _fail_at_scan(source: MemorySource, error: Exception) -> None:
    def fail(*_: object) -> None:
        raise error

    source.scan = fail  # type: ignore[method-assign, assignment]


PLACES: dict[str, Callable[[MemorySource, Exception], None]] = {
    "while reading": _fail_while_reading,
    "at the schema": _fail_at_schema,
    "at the scan": _fail_at_scan,
}
FAILURES = [
    RuntimeError(INTERNALS),
    OSError(2, "no such file", INTERNALS),
    SourceFailed("the source failed", detail=INTERNALS),
    ConfigError(f"no such table in {INTERNALS}"),
]


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
@pytest.mark.parametrize("place", PLACES)
def test_t55_whatever_the_source_raises_stays_here(tmp_path: Path, place: str, failure: Exception) -> None:
    with open_house(tmp_path) as house:
        token = house.token()
        PLACES[place](house.source, failure)
        told = _everything_told(house, token)

    assert "source-failed" in told
    for internal in ("srv", "SELECT", "db7", "Traceback", ".py", "RuntimeError", str(tmp_path)):
        assert internal not in told


def test_t55_an_unforeseen_error_of_our_own_tells_only_an_id(tmp_path: Path) -> None:
    with open_house(tmp_path) as house:
        token = house.token()
        house.connector._keyring._verifier = None  # type: ignore[assignment]
        told = _everything_told(house, token)
        assert house.said() == [("refusal", "internal")]

    assert "internal" in told
    assert "exchange-id" in told
    assert "NoneType" not in told
    assert ".py" not in told


def _everything_told(house: House, token: bytes) -> str:
    """All text of the answer: code, details, debug text, both metadata, and the data."""
    with house.channel(house.dispatch()) as line:
        call = begin(line, token)
        with pytest.raises(grpc.RpcError) as failed:
            list(call)
        error = failed.value
        texts = (error.code(), error.details(), error.trailing_metadata(), call.initial_metadata())
        assert "source-failed" in str(texts) or "internal" in str(texts)
        assert traceback.format_exception_only(error)
        return str(texts)
