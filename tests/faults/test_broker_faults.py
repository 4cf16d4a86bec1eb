"""F2, F3, F6, F10, F23: the broker's disk and database fail; nothing is answered that is not recorded."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from broker_house import TIMEOUT_S, House, end, fresh_house, start
from grpc_health.v1 import health_pb2, health_pb2_grpc

from exchange.broker.server import Broker
from exchange.broker.state.store import PUT_OFF_MAX
from exchange.errors import AuditUnavailable, ConfigError, ExchangeError, Unavailable
from exchange.model.subject import Kind, spiffe_id

CONNECTOR = spiffe_id("zhongshui.example", "port", Kind.CONNECTOR)


def break_log(house: House, number: int) -> None:
    """From now on every sync of the audit log's disk fails."""

    def failing(_descriptor: int) -> None:
        raise OSError(number, "injected")

    log: Any = house.running._parts.log
    log._writer._store._disk.sync = failing
    log._writer._store._disk.sync = failing


def test_f02_log_that_cannot_sync_gives_no_ticket_and_keeps_refusing(tmp_path: Path) -> None:
    with fresh_house(tmp_path) as house:
        house.dispatch()
        break_log(house, errno.EIO)
        for _ in range(2):
            with pytest.raises(AuditUnavailable):
                house.ask()
        with pytest.raises(AuditUnavailable):
            house.ask(dataset="port.nothing")
        assert house.tickets_issued() == 0
        health = health_pb2_grpc.HealthStub(house.dispatch())
        answer = health.Check(health_pb2.HealthCheckRequest(), timeout=TIMEOUT_S)
        assert answer.status == health_pb2.HealthCheckResponse.NOT_SERVING


def test_f02_receipt_that_cannot_be_recorded_is_not_acknowledged(tmp_path: Path) -> None:
    with fresh_house(tmp_path) as house:
        grant = house.ask()
        connector = house.actor("port", Kind.CONNECTOR)
        break_log(house, errno.EIO)
        with pytest.raises(AuditUnavailable):
            house.submit(connector, start(grant, CONNECTOR))


def test_f06_locked_database_is_unavailable_recorded_and_over_when_it_is_free(tmp_path: Path) -> None:
    with fresh_house(tmp_path) as house:
        house.running._parts.store._connection.execute("PRAGMA busy_timeout=100")
        blocker = sqlite3.connect(house.settings.state / "broker.sqlite", isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        # what nothing is counted against is noted later: the log holds it all the same
        grants = [house.ask() for _ in range(PUT_OFF_MAX)]
        with pytest.raises(Unavailable) as caught:
            house.ask()
        assert house.denial(caught.value.id)["reason"] == "unavailable"
        blocker.execute("ROLLBACK")
        blocker.close()
        assert house.ask().ticket
        taken = house.submit(house.actor("port", Kind.CONNECTOR), start(grants[0], CONNECTOR))
        assert taken == ("",), "the ticket was put off, and not forgotten"


def test_f06_receipt_recorded_while_the_database_is_locked_is_not_recorded_again(tmp_path: Path) -> None:
    with fresh_house(tmp_path) as house:
        grant = house.ask()
        connector = house.actor("port", Kind.CONNECTOR)
        house.running._parts.store._connection.execute("PRAGMA busy_timeout=100")
        blocker = sqlite3.connect(house.settings.state / "broker.sqlite", isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable):
            house.submit(connector, end(grant, CONNECTOR))
        blocker.execute("ROLLBACK")
        blocker.close()
        assert house.submit(connector, end(grant, CONNECTOR)) == ("",)
        assert len(house.records("end")) == 1


def test_f23_second_broker_on_the_same_state_or_log_is_refused(tmp_path: Path) -> None:
    with fresh_house(tmp_path) as house:
        with pytest.raises(ConfigError, match="another broker uses the state"):
            Broker(house.settings)
        elsewhere = house.settings.model_copy(update={"state": tmp_path / "elsewhere"})
        with pytest.raises((ConfigError, ExchangeError), match="audit log"):
            Broker(elsewhere)
        assert house.ask().ticket


def test_f10_tickets_of_before_a_restart_are_known_after_it(tmp_path: Path) -> None:
    with fresh_house(tmp_path) as house:
        grant = house.ask()
        connector = house.actor("port", Kind.CONNECTOR)
        house.restart()
        assert house.ticket(grant).id == grant.id
        assert house.submit(connector, start(grant, CONNECTOR), end(grant, CONNECTOR)) == ("", "")


def test_f06_a_locked_database_keeps_nobody_from_stopping_and_what_was_put_off_comes_back(
    tmp_path: Path,
) -> None:
    with fresh_house(tmp_path) as house:
        grants = [house.ask() for _ in range(3)]
        blocker = sqlite3.connect(house.settings.state / "broker.sqlite", isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        house.stop()
        blocker.execute("ROLLBACK")
        blocker.close()
        house.start()
        assert house.tickets_issued() == len(grants)
