"""A publication of one department reads that department's files and no other's."""

from __future__ import annotations

from typing import Any

import pytest
import small_city

from exchange.policy import bundle as bundles
from exchange.policy.bundle import load
from exchange.policy.holder import BundleHolder

WEATHER = {
    "departments/weather/datasets.toml": """
[dataset."weather.rain"]
title = "雨量"
sharing = "unconditional"
grade = "general"
update_cycle = "daily"
[dataset."weather.rain".columns]
at = { level = "public" }
""",
    "departments/weather/grants.csv": "p, department:press, weather.rain, read, stewardship, allow\n",
}
FILES = small_city.files(WEATHER)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The departments whose files are read from now on."""
    found: list[str] = []
    whole = bundles.load_part

    def noted(name: str, *rest: Any) -> Any:
        found.append(name)
        return whole(name, *rest)

    monkeypatch.setattr(bundles, "load_part", noted)
    return found


def test_only_the_changed_part_is_read_again(read: list[str]) -> None:
    old = load(FILES, 1)
    assert read == ["port", "weather"]
    read.clear()
    grants = (
        FILES[small_city.GRANTS] + f"p, {small_city.DESK}, port.flights, read, stewardship, allow\n".encode()
    )
    new = load({**FILES, small_city.GRANTS: grants}, 2, previous=old)
    assert read == ["port"]
    assert new.parts["weather"] is old.parts["weather"]
    assert new.parts["port"].grants.count == old.parts["port"].grants.count + 1


def test_a_publication_reads_its_own_department_only(read: list[str]) -> None:
    holder = BundleHolder(FILES, 1)
    read.clear()
    port = {path.rpartition("/")[2]: FILES[path] for path in (small_city.DATASETS, small_city.GRANTS)}
    holder.publish("port", {**port, "README.md": b"new"})
    assert read == ["port"]


def test_what_the_city_changes_is_read_again_by_all(read: list[str]) -> None:
    old = load(FILES, 1)
    read.clear()
    city = FILES[small_city.CITY] + b'[purpose.audit]\ntitle = "x"\n'
    load({**FILES, small_city.CITY: city}, 2, previous=old)
    assert read == ["port", "weather"]
