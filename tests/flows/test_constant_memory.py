"""Steps 7 to 9 take constant memory at both ends, however much is read (F13 says so of one that stalls)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import measured_reader
import pytest
from measured_reader import Memory

import exchange
from examples.city import data
from examples.city.town import Town, found

TIMES = 6
DATA_MIB_MIN = 280
"""What is streamed, as the consumer counts it: either end would stand out that held even a half of it."""

CONNECTOR_MIB_MAX = 112
CLIENT_MIB_MAX = 96


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A broker, and a port authority with two million flights."""
    town = found(tmp_path_factory.mktemp("large"))
    data.write_flights(town.home("port") / "data" / "flights.parquet", TIMES)
    try:
        town.start_all()
        with exchange.connect(town.client("ops")) as city:
            # what a first read loads, at the connector too, is loaded before anything is measured
            city.read("port.flights", purpose="stewardship", limit=1).to_arrow()
        yield town
    finally:
        town.stop_all()


@pytest.mark.parametrize("where", ["", "distance > 0"], ids=["decoded by Arrow", "skipped by DuckDB"])
def test_two_million_rows_take_as_little_memory_as_a_few_batches(large: Town, where: str) -> None:
    connector = Memory(large.processes["port"].pid)
    command = [sys.executable, measured_reader.__file__, large.client("ops"), "port.flights", "stewardship"]
    done = subprocess.run([*command, where], capture_output=True, text=True, timeout=60, check=True)
    client = json.loads(done.stdout)
    assert client["rows"] == 336_776 * TIMES
    assert client["mib"] > DATA_MIB_MIN
    assert client["rise_mib"] < CLIENT_MIB_MAX
    assert connector.rise_mib() < CONNECTOR_MIB_MAX
