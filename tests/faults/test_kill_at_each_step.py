"""Broker, connector or client dies at any step of one read: nothing unaudited, nothing acknowledged lost.

The process is killed (SIGKILL, from outside its own knowledge) before or after the function that does a step.
Then it is started again, and the log must tell the whole story.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from towns import events, eventually, exchange_cli, recorded

from examples.city.acts import records
from examples.city.town import Town, running
from exchange.model.subject import CITY

SUPPORT = Path(__file__).resolve().parents[1] / "support"
FLIGHTS = "port.flights"
ROWS = 336_776


@dataclass(frozen=True)
class Death:
    """Where a process dies."""

    step: str
    place: str
    when: str
    count: int = 1

    def __str__(self) -> str:
        return f"step {self.step}, {self.when} {self.place.rpartition(':')[2]}"

    def command(self, arm: Path, *arguments: str) -> list[str]:
        return [
            sys.executable,
            str(SUPPORT / "dying.py"),
            self.place,
            self.when,
            str(arm),
            str(self.count),
            *arguments,
        ]


BROKER = [
    Death("2", "exchange.broker.authorise:FrontDoor.authorise_all", "before"),
    Death("3", "exchange.broker.judge:Judge.decide", "after"),
    Death("4", "exchange.broker.authorise:record_decisions", "before"),
    Death("4", "exchange.audit.storage.disk:SystemDisk.sync", "before"),
    Death("4", "exchange.audit.storage.disk:SystemDisk.sync", "after"),
    Death("5", "exchange.security.tickets:TicketSigner.sign_claims", "before"),
    Death("5", "exchange.security.tickets:TicketSigner.sign_claims", "after"),
    Death("10", "exchange.broker.desks.receipts:ReceiptDesk.submit", "before"),
    Death("10", "exchange.broker.desks.receipts:ReceiptDesk.submit", "after"),
]
CONNECTOR = [
    Death("6", "exchange.connector.admit:Admission.admit", "before"),
    Death("6", "exchange.connector.records.journal:Journal.admit", "before"),
    Death("6", "exchange.connector.records.journal:Journal.admit", "after"),
    Death("7", "exchange.connector.streaming.stream:plan", "before"),
    Death("8", "exchange.connector.streaming.stream:govern", "before"),
    Death("9", "exchange.connector.streaming.delivery:Delivery.count", "after", 2),
    Death("9", "exchange.connector.streaming.delivery:Delivery.complete", "before"),
    Death("9", "exchange.connector.streaming.delivery:Delivery.complete", "after"),
    Death("10", "exchange.connector.uplink.reporter:Reporter._ship", "before"),
    Death("10", "exchange.connector.uplink.reporter:Reporter._ship", "after"),
]
CLIENT = [
    Death("1", "exchange.client.reading:ask", "before"),
    Death("5", "exchange.client.reading:ask", "after"),
    Death("6", "exchange.client.stream:do_get", "before"),
    Death("9", "exchange.client.tally:Tally.add", "after", 2),
    Death("9", "exchange.client.stream:settle", "before"),
    Death("10", "exchange.client.postbox:Postbox.deliver", "before"),
    Death("10", "exchange.client.postbox:Postbox.deliver", "after"),
]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with running(tmp_path_factory.mktemp("city")) as city:
        yield city


def read_as_process(town: Town, death: Death | None = None, arm: Path | None = None) -> list[dict[str, Any]]:
    """The owner reads everything; what it saw until it or the others died."""
    arguments = [str(SUPPORT / "reader.py"), str(town.client("ops")), FLIGHTS, "stewardship"]
    command = death.command(arm or Path(), *arguments) if death else [sys.executable, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return events(done.stdout)


def restart_dying(town: Town, department: str, death: Death, arm: Path) -> None:
    town.stop(department)
    town.start(department, wrapper=death.command(arm))


def everything_adds_up(town: Town, seen: list[dict[str, Any]]) -> None:
    """What any auditor would demand of the log, whatever happened."""
    ids = {event["id"] for event in seen if event.get("id")}
    for access_id in ids:
        assert recorded(town, access_id, "decision"), "acknowledged, but not in the log"
    for event in seen:
        if event["event"] == "batch":
            assert eventually(lambda event=event: recorded(town, event["id"], "start")), "data without START"
        if event["event"] == "whole" and event["delivered"]:
            assert recorded(town, event["id"], "received"), "a receipt was acknowledged and lost"
    starts = [entry["id"] for entry in records(town) if entry["kind"] == "start"]
    assert len(starts) == len(set(starts))
    for access_id in starts:
        assert recorded(town, access_id, "decision")[0]["decision"] == "allow"
        ends = eventually(lambda access_id=access_id: recorded(town, access_id, "end"))
        assert len(ends) == 1
    for access_id in ids:
        got = sum(event["rows"] for event in seen if event["event"] == "batch" and event["id"] == access_id)
        for end in recorded(town, access_id, "end"):
            assert end["rows"] >= got or end["reason"] == "connector-restarted"
    verified = exchange_cli("audit", "verify", town.audit, "--key", town.audit / "public.key")
    assert verified.returncode == 0, verified.stdout + verified.stderr


def the_city_goes_on(town: Town) -> None:
    """A fresh read delivers everything."""

    def whole() -> bool:
        return read_as_process(town)[-1]["event"] == "whole"

    assert eventually(whole)


@pytest.mark.parametrize("death", BROKER, ids=str)
def test_the_broker_dies(town: Town, tmp_path: Path, death: Death) -> None:
    arm = tmp_path / "arm"
    restart_dying(town, CITY, death, arm)
    the_city_goes_on(town)
    arm.touch()
    seen = read_as_process(town)
    assert town.processes[CITY].wait(timeout=30) == -9, "the broker was to die and did not"
    assert seen[-1]["event"] != "whole" or not seen[-1]["delivered"] or death.step == "10"
    del town.processes[CITY]
    town.start(CITY)
    the_city_goes_on(town)
    everything_adds_up(town, seen)


@pytest.mark.parametrize("death", CONNECTOR, ids=str)
def test_a_connector_dies(town: Town, tmp_path: Path, death: Death) -> None:
    arm = tmp_path / "arm"
    restart_dying(town, "port", death, arm)
    the_city_goes_on(town)
    arm.touch()
    seen = read_as_process(town)
    assert town.processes["port"].wait(timeout=30) == -9, "the connector was to die and did not"
    # START is reported while the stream runs, so step 10 may come before or after its end
    assert seen[-1]["event"] == "error" or death.step == "10"
    rows = sum(event["rows"] for event in seen if event["event"] == "batch")
    assert rows == ROWS if seen[-1]["event"] == "whole" else rows <= ROWS
    del town.processes["port"]
    town.start("port")
    the_city_goes_on(town)
    everything_adds_up(town, seen)


@pytest.mark.parametrize("death", CLIENT, ids=str)
def test_a_client_dies(town: Town, tmp_path: Path, death: Death) -> None:
    arm = tmp_path / "arm"
    arm.touch()
    seen = read_as_process(town, death, arm)
    assert not seen or seen[-1]["event"] == "batch", "the client was to die and did not"
    the_city_goes_on(town)
    everything_adds_up(town, seen)
