"""One small city for all tests of this package that only read it."""

from __future__ import annotations

import certified
import pytest


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> certified.City:
    return certified.make_city(tmp_path_factory.mktemp("security"))
