"""T16: fifty presentations of one ticket at the same moment give exactly one stream."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from connector_house import ROWS, Reading, open_house, read

REPLAYS = 50


def test_t16_fifty_concurrent_replays_give_exactly_one_stream(tmp_path: Path) -> None:
    with open_house(tmp_path, streams_max=64, streams_per_subject_max=64) as house:
        token, together = house.token(), threading.Barrier(REPLAYS)
        lines = [house.channel(house.dispatch()) for _ in range(2)]

        def replay(number: int) -> Reading:
            together.wait()
            return read(lines[number % 2], token)

        with ThreadPoolExecutor(REPLAYS) as pool:
            readings = list(pool.map(replay, range(REPLAYS)))
        for line in lines:
            line.close()

        served = [got for got in readings if got.error is None]
        assert [got.rows for got in served] == [ROWS]
        assert all(got.raw == [] and got.reason == "ticket-used" for got in readings if got.error)
        said = house.said()
        assert said.count(("start", "")) == said.count(("end", "complete")) == 1
        assert said.count(("refusal", "ticket-used")) == REPLAYS - 1
