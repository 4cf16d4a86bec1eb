"""F12 to F14: a consumer that vanishes, stalls or dies costs a bounded time and memory, and has its END."""

from __future__ import annotations

from pathlib import Path

from blackhole import relay
from certified import DOMAIN
from connector_house import MemorySource, open_house, opened, read, read_on

from exchange.model.subject import Kind
from exchange.security.tls import channel

BATCH = 50_000
ENDLESS = 1_000_000_000


def test_f12_a_connection_cut_without_fin_frees_its_slot(tmp_path: Path) -> None:
    source = MemorySource(ENDLESS, batch_rows=BATCH)
    with open_house(tmp_path, source=source, stall_s=0.5, streams_max=1) as house:
        with (
            relay(house.connector.location) as cable,
            channel(cable.address, house.dispatch(), "port", Kind.CONNECTOR, DOMAIN) as line,
        ):
            _call, _ = opened(line, house.token())
            cable.cut()
            house.until(lambda: house.connector._slots.running == 0)
            assert house.said() == [("start", ""), ("end", "aborted")]
            assert house.statements()[-1].reason == "consumer-stalled"

        source.rows = 10
        with house.channel(house.dispatch()) as line:
            assert read(line, house.token()).rows == 10


def test_f13_a_reader_that_stops_is_cut_off_and_holds_little_meanwhile(tmp_path: Path) -> None:
    source = MemorySource(ENDLESS, batch_rows=BATCH)
    yielded: list[int] = []
    source.before = yielded.append
    with open_house(tmp_path, source=source, stall_s=0.5) as house, house.channel(house.dispatch()) as line:
        call, schema = opened(line, house.token())
        house.until(lambda: ("end", "aborted") in house.said())

        got = read_on(call, schema)
        assert got.error is not None
        assert got.receipt is None
        end = house.statements()[-1]
        assert end.reason == "consumer-stalled"
        # What the transport and two batches of prefetch hold, not what the source could yield.
        assert end.rows <= len(yielded) * BATCH < 100 * BATCH
        house.until(lambda: house.connector._slots.running == 0 and source.open_scans == 0)


def test_f14_a_consumer_that_dies_leaves_an_end_with_its_rows(tmp_path: Path) -> None:
    source = MemorySource(ENDLESS, batch_rows=BATCH)
    with open_house(tmp_path, source=source) as house:
        line = house.channel(house.dispatch())
        _call, _ = opened(line, house.token())
        line.close()

        house.until(lambda: house.said() == [("start", ""), ("end", "aborted")])
        end = house.statements()[-1]
        assert end.reason == "consumer-gone"
        assert end.rows >= BATCH
