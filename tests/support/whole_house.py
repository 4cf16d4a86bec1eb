"""A broker, a connector and a consumer for tests: all real, in one process, over mutual TLS."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import broker_house
import connector_house
import small_city
from certified import DOMAIN, make_city

from exchange.broker.settings import Limits
from exchange.client.city import City
from exchange.client.settings import ClientSettings
from exchange.model.subject import Kind
from exchange.security.credentials import TlsSettings

COLUMNS = """
[dataset."port.flights"]
title = "航班"
sharing = "conditional"
condition = "应急"
grade = "important"
update_cycle = "daily"
[dataset."port.flights".columns]
origin = { level = "public" }
dep_delay = { level = "public" }
secret = { level = "secret" }
"""
READ = {"dataset": "port.flights", "purpose": "emergency-response"}


class SlowSource(connector_house.MemorySource):
    """Batches without end, each after a moment."""

    def __init__(self) -> None:
        super().__init__(rows=10_000_000, batch_rows=2000)
        self.before = self._wait

    def _wait(self, _number: int) -> None:
        threading.Event().wait(0.02)


@dataclass
class WholeHouse:
    """All three; `broker` and `connector` are the houses of the single parts."""

    broker: broker_house.House
    connector: connector_house.House
    client: City
    steward: TlsSettings

    def publish(self, **changes: str) -> int:
        """Publish the port's files so changed; the revision now in force."""
        files = broker_house.port_files(datasets=COLUMNS, **changes)
        return self.broker.publish(self.steward, files)[0]

    def ends(self) -> list[dict[str, Any]]:
        """The END records in the log."""
        return self.broker.records("end")


@contextmanager
def open_house(folder: Path, source: connector_house.MemorySource | None = None) -> Iterator[WholeHouse]:
    """A city whose port delivers slowly to the emergency office."""
    city = make_city(folder / "city")
    policy = {small_city.DATASETS: COLUMNS}
    limits = Limits(workers=8, heartbeat_s=1)
    with broker_house.open_house(city, folder, policy, limits) as broker:
        address = f"127.0.0.1:{broker.running.port}"
        slow = source or SlowSource()
        with connector_house.open_house(folder, source=slow, city=city, broker=address) as connector:
            wait_until(lambda: _registered(broker, connector))
            settings = ClientSettings(trust_domain=DOMAIN, broker=address, tls=broker.actor("emergency"))
            with City(settings) as client:
                steward = broker.actor("port", Kind.STEWARD, "chen")
                yield WholeHouse(broker, connector, client, steward)


def wait_until(condition: Callable[[], Any], within_s: float = 20.0) -> Any:
    """The first true value of the condition; fails if there is none in time."""
    pause = threading.Event()
    for _ in range(int(within_s / 0.02)):
        value = condition()
        if value:
            return value
        pause.wait(0.02)
    raise AssertionError("it did not come about")


def _registered(broker: broker_house.House, connector: connector_house.House) -> bool:
    found = broker.running._parts.registry.connector("port")
    known = connector.connector._reviewer.known
    return found is not None and found.location == connector.connector.location and known > 0
