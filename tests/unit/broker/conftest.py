from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from broker_house import House, open_house
from certified import City, make_city


@pytest.fixture(scope="session")
def certified_city(tmp_path_factory: pytest.TempPathFactory) -> City:
    return make_city(tmp_path_factory.mktemp("city"))


@pytest.fixture
def house(certified_city: City, tmp_path: Path) -> Iterator[House]:
    with open_house(certified_city, tmp_path) as found:
        yield found
