"""Grants of ten megabytes are published and rolled back to: more than the broker takes in one message."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import small_city
from broker_house import House, fresh_house, port_files
from certified import DOMAIN

from exchange.client import looking, steward
from exchange.client.settings import ClientSettings
from exchange.model.subject import Kind

GRANTS = 2_000
CITY_MAX = 8 << 20
OWN = small_city.FILES[small_city.GRANTS]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with fresh_house(tmp_path) as found:
        yield found


def settings(house: House) -> ClientSettings:
    tls = house.actor("port", Kind.STEWARD, "chen")
    return ClientSettings(trust_domain=DOMAIN, broker=f"127.0.0.1:{house.running.port}", tls=tls)


def many() -> str:
    """As many bytes as 100,000 grants are, most of it a note on each."""
    systems = [f"spiffe://research.{DOMAIN}/system/laboratory-{n:06d}" for n in range(GRANTS)]
    lines = [f"p, {one}, port.flights, read, stewardship, allow\n" for one in systems]
    return OWN + "".join(f"# {line * 45}".replace("\n", "; ")[:-2] + f"\n{line}" for line in lines)


def folder(house: House, **changes: str) -> Path:
    for path, content in port_files(**changes).items():
        (house.settings.policies / "departments" / "port" / path).write_bytes(content)
    return house.settings.policies


def test_ten_megabytes_of_grants_are_published_and_rolled_back_to(house: House) -> None:
    grants = many()
    assert len(grants) > house.settings.limits.message_bytes_max == CITY_MAX
    who = settings(house)
    assert steward.publish(who, folder(house, grants=grants), "all of them").revision == 2
    assert steward.publish(who, folder(house, grants=OWN), "the few").revision == 3
    assert steward.rollback(who, 2, "all again").revision == 4
    _, files = looking.bundle_of(who, 4)
    assert files[small_city.GRANTS] == grants.encode()
    assert files[small_city.CITY] == small_city.FILES[small_city.CITY].encode()
    with sqlite3.connect(house.settings.state / "broker.sqlite") as database:
        (size,) = database.execute("SELECT sum(length(bytes)) FROM content").fetchone()
    database.close()
    assert size < 1.5 * len(grants), "one content of that size, in two revisions"
    house.restart()
    assert house.running._parts.policies._holder.current.revision == 4
