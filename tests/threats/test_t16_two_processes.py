"""T16 across processes: two processes of a connector share a journal, and a ticket is used once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Barrier

from certified import make_city
from connector_house import Reading, read
from connector_process import identities, serving, token

BEARERS = 16


def test_t16_replays_at_two_processes_of_one_connector_yield_one_stream(tmp_path: Path) -> None:
    connector, consumer = identities(make_city(tmp_path))
    with ExitStack() as stack:
        processes = [stack.enter_context(serving(tmp_path, connector)) for _ in range(2)]
        lines = [stack.enter_context(process.channel(consumer)) for process in processes]
        ready, once = Barrier(BEARERS), token()

        def present(number: int) -> Reading:
            ready.wait(20)
            return read(lines[number % 2], once)

        with ThreadPoolExecutor(BEARERS) as pool:
            got = list(pool.map(present, range(BEARERS)))
    whole = [one for one in got if one.error is None]
    assert [one.rows for one in whole] == [1000]
    refused = [one for one in got if one.error is not None]
    assert {one.reason for one in refused} <= {"ticket-used", "limit-reached"}
    assert all(one.raw == [] for one in refused)
