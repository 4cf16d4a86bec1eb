"""F15, F22: a connector that is killed or told to stop never leaves a short result that looks whole."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from certified import make_city
from connector_house import ROWS, MemorySource, open_house, opened, read, read_on, settings_for
from connector_process import identities, serving, token

from exchange.connector.records.journal import Journal
from exchange.connector.server import Connector
from exchange.errors import ConfigError
from exchange.model.clock import SystemClock
from exchange.security.signing import embedded_certificate, verify_receipt

MANY = 100_000_000


def test_f15_kill_9_in_mid_stream_is_an_error_to_the_consumer(tmp_path: Path) -> None:
    connector, consumer = identities(make_city(tmp_path))
    with serving(tmp_path, connector, rows=MANY) as running, running.channel(consumer) as line:
        call, schema = opened(line, token())
        running.kill()
        got = read_on(call, schema)

    assert got.error is not None
    assert got.receipt is None


def test_f22_sigterm_drains_to_the_deadline_then_ends_everything_with_an_end(tmp_path: Path) -> None:
    connector, consumer = identities(make_city(tmp_path))
    with serving(tmp_path, connector, rows=MANY) as running, running.channel(consumer) as line:
        call, schema = opened(line, token())
        assert running.terminate() == 0
        got = read_on(call, schema)

    assert got.error is not None
    assert got.receipt is None
    journal = Journal(tmp_path / "state", SystemClock())
    said = [verify_receipt(one, embedded_certificate(one)) for _, one in journal.pending(10)]
    assert [(one.kind, getattr(one, "reason", "")) for one in said] == [
        ("start", ""),
        ("end", "connector-stopping"),
    ]
    journal.close()


def test_f22_a_stream_that_can_finish_within_the_deadline_does(tmp_path: Path) -> None:
    source = MemorySource(2_000_000, batch_rows=50_000)
    with open_house(tmp_path, source=source) as house, house.channel(house.dispatch()) as line:
        call, schema = opened(line, house.token())
        draining = threading.Thread(target=house.connector.drain, args=(30,))
        draining.start()
        got = read_on(call, schema)
        draining.join()

        assert got.error is None
        assert got.end.rows == source.rows
        assert source.closed
        assert read(line, house.token()).error is not None


def test_a_taken_port_says_so_and_how_to_mend_it(tmp_path: Path) -> None:
    with open_house(tmp_path / "first") as house:
        taken = house.connector.location
        settings = settings_for(tmp_path / "second", house.settings.tls)
        second = Connector(settings.model_copy(update={"listen": taken}), source=MemorySource())
        with pytest.raises(ConfigError, match=taken) as refused:
            second.start()
        assert "listen" in refused.value.hint
        with house.channel(house.dispatch()) as line:
            assert read(line, house.token()).rows == ROWS


def test_another_departments_certificate_serves_nothing(tmp_path: Path) -> None:
    with open_house(tmp_path / "first") as house:
        settings = settings_for(tmp_path / "second", house.settings.tls)
        with pytest.raises(ConfigError, match="is the certificate of"):
            Connector(settings.model_copy(update={"department": "weather"}), source=MemorySource())


def test_a_table_that_is_not_there_is_told_at_start(tmp_path: Path) -> None:
    with open_house(tmp_path / "first") as house:
        settings = settings_for(tmp_path / "second", house.settings.tls)
        wrong = settings.dataset[0].model_copy(update={"table": "flihgts"})
        with pytest.raises(ConfigError, match="flihgts"):
            Connector(settings.model_copy(update={"dataset": (wrong,)}), source=MemorySource())
