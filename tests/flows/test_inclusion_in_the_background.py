"""Step 10, seen from outside: connector and client find out by themselves when the log lacks their record."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from broker_house import TIMEOUT_S
from connector_house import MemorySource
from grpc_health.v1 import health_pb2, health_pb2_grpc
from whole_house import READ, WholeHouse, open_house, wait_until

from exchange.client.city import City
from exchange.client.expected import Expected
from exchange.errors import AccessRefused
from exchange.model.subject import Kind
from exchange.wire.proving import Proven, Wanted


@pytest.fixture
def house(tmp_path: Path) -> Iterator[WholeHouse]:
    with open_house(tmp_path, MemorySource(rows=100)) as found:
        yield found


def client(house: WholeHouse, state: Path | None) -> City:
    return City(house.client._session.settings.model_copy(update={"state": state}))


def lies(house: WholeHouse, change: Any) -> None:
    """From now on the broker answers questions for proofs as `change(genuine, wanted)` says."""
    desk: Any = house.broker.running._parts.auditors
    genuine = desk.prove
    desk.prove = lambda asker, wanted: change(lambda: genuine(asker, wanted), wanted)


def withholds(_genuine: Any, _wanted: Wanted) -> Proven:
    raise AccessRefused("there is no such record of yours")


def another(genuine: Any, _wanted: Wanted) -> Proven:
    answer: Proven = genuine()
    record = json.loads(answer.record) | {"purpose": "stewardship", "statement": "another"}
    return answer.model_copy(update={"record": json.dumps(record).encode()})


def test_connector_and_client_prove_their_records_by_themselves(house: WholeHouse, tmp_path: Path) -> None:
    with client(house, tmp_path / "client") as city:
        city.read(**READ).to_arrow()
        wait_until(lambda: not city._inclusion._items and city._inclusion._memory.seen)
        assert not city.alarms
    journal = house.connector.connector._journal
    wait_until(lambda: house.broker.records("end"))
    wait_until(lambda: not journal.pending(1) and journal.proof_state() == (0, None))
    assert not house.connector.connector._alarms.standing


def test_the_connector_raises_an_alarm_when_its_statement_is_withheld(house: WholeHouse) -> None:
    lies(house, withholds)
    house.client.read(**READ).to_arrow()
    connector = house.connector.connector

    wait_until(lambda: connector._journal.proof_state()[0] >= 2)

    wait_until(lambda: "inclusion" in connector._alarms.standing)
    line = house.connector.channel(house.broker.actor("port", Kind.SYSTEM, "ops"))
    answer, call = health_pb2_grpc.HealthStub(line).Check.with_call(
        health_pb2.HealthCheckRequest(), timeout=TIMEOUT_S
    )
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    assert ("exchange-alarm", "inclusion") in call.trailing_metadata()


@pytest.mark.parametrize("change", [withholds, another])
def test_the_client_raises_an_alarm_that_outlives_it(
    house: WholeHouse, tmp_path: Path, caplog: pytest.LogCaptureFixture, change: Any
) -> None:
    lies(house, change)
    told: list[Any] = []
    with caplog.at_level(logging.ERROR, "exchange.client"), client(house, tmp_path / "client") as city:
        city.on_alarm(told.append)
        reading = city.read(**READ)
        assert reading.to_arrow().num_rows == 100
        wait_until(lambda: len(city.alarms) == 2)
    assert {alarm.id for alarm in told} == {reading.id, ""}
    assert any("ALARM" in text for text in caplog.messages)

    with client(house, tmp_path / "client") as later:
        assert len(later.alarms) == 2
        assert later.alarms_folder is not None
        for path in later.alarms_folder.iterdir():
            path.unlink()
        assert not later.alarms


def test_what_one_process_could_not_prove_the_next_one_does(house: WholeHouse, tmp_path: Path) -> None:
    with client(house, tmp_path / "client") as city:
        city.read(**READ).to_arrow()
    left = list((tmp_path / "client" / "unproven").iterdir())
    assert len(left) == 2

    lies(house, withholds)
    with client(house, tmp_path / "client") as later:
        wait_until(lambda: len(later.alarms) == 2)
    assert not list((tmp_path / "client" / "unproven").iterdir())


def test_a_log_smaller_than_what_the_client_saw_is_an_alarm(house: WholeHouse, tmp_path: Path) -> None:
    with client(house, tmp_path / "client") as city:
        memory: Any = city._inclusion._memory
        city.read(**READ).to_arrow()
        seen = wait_until(lambda: not city._inclusion._items and memory.seen)
        larger = seen.checkpoint.model_copy(update={"size": seen.checkpoint.size + 10_000})
        memory._recall = lambda: replace(seen, checkpoint=larger)

        city._inclusion.expect(Expected(index=larger.size + 1, since_us=0, fields={}))

        (alarm,) = wait_until(lambda: city.alarms)
        assert "smaller" in alarm.text


def test_a_broker_that_never_answers_for_proofs_holds_nothing_up(house: WholeHouse, tmp_path: Path) -> None:
    called = threading.Event()

    def never(_genuine: Any, wanted: Wanted) -> Proven:
        called.set()
        threading.Event().wait(3)
        return withholds(None, wanted)

    lies(house, never)
    with client(house, tmp_path / "client") as city:
        city.read(**READ).to_arrow()
        wait_until(called.is_set)
        assert city.read(**READ).to_arrow().num_rows == 100
    assert called.is_set()
