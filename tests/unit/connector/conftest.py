from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from connector_house import House, open_house


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as found:
        yield found


@pytest.fixture
def line(house: House) -> Iterator[grpc.Channel]:
    with house.channel(house.dispatch()) as found:
        yield found
