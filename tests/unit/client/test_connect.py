"""The front door: what is exported, that it is light, and how bad configurations are told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import exchange
from exchange import errors

from .conftest import Actor, World

NAMES = [
    "AccessRefused",
    "ColumnUnknown",
    "ConfigError",
    "ConnectorUnavailable",
    "ExchangeError",
    "IdentityError",
    "LimitReached",
    "PredicateInvalid",
    "RequestInvalid",
    "SourceFailed",
    "StreamBroken",
    "StreamMismatch",
    "TicketRefused",
    "Unavailable",
    "connect",
]


def test_the_public_names_are_these() -> None:
    assert exchange.__all__ == NAMES
    assert all(hasattr(exchange, name) for name in NAMES)


def test_importing_it_loads_nothing_heavy() -> None:
    heavy = ["grpc", "pyarrow", "pandas", "polars", "pydantic", "cryptography", "sqlglot", "duckdb", "typer"]
    program = f"import sys, exchange; print([m for m in {heavy} if m in sys.modules])"

    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "[]"


def config(tmp_path: Path, actors: dict[str, Actor], **changes: Any) -> Path:
    tls = actors["emergency"].tls
    values = {
        "trust_domain": "zhongshui.example",
        "broker": "127.0.0.1:1",
        "identity_key": str(tls.identity_key),
        "identity_chain": str(tls.identity_chain),
        "roots": str(tls.roots),
    } | changes
    path = tmp_path / "emergency.toml"
    top = ("trust_domain", "broker", "extra")
    lines = [f'{key} = "{values[key]}"' for key in top if key in values]
    lines += ["[tls]", *(f'{key} = "{value}"' for key, value in values.items() if key not in top)]
    path.write_text("\n".join(lines))
    return path


def test_connecting_dials_nothing(tmp_path: Path, actors: dict[str, Actor]) -> None:
    with exchange.connect(config(tmp_path, actors)) as city:
        assert city.me == "spiffe://emergency.zhongshui.example/system/dispatch"
        assert "zhongshui.example" in repr(city)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"broker": "https://broker"}, "host:port"),
        ({"extra": "1"}, "unknown key `extra`"),
        ({"identity_key": "nowhere.key"}, "nowhere.key does not exist"),
        ({"trust_domain": "other.example"}, "compare `trust_domain`"),
    ],
)
def test_a_wrong_configuration_is_told_by_its_place(
    tmp_path: Path, actors: dict[str, Actor], changes: dict[str, Any], text: str
) -> None:
    with pytest.raises(errors.ConfigError) as wrong:
        exchange.connect(config(tmp_path, actors, **changes))

    assert text in str(wrong.value)


def test_a_key_that_others_can_read_is_refused(tmp_path: Path, actors: dict[str, Actor]) -> None:
    key = tmp_path / "loose.key"
    key.write_bytes(actors["emergency"].tls.identity_key.read_bytes())
    key.chmod(0o640)

    with pytest.raises(errors.ConfigError, match="chmod 600"):
        exchange.connect(config(tmp_path, actors, identity_key=str(key)))


def test_a_configuration_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(errors.ConfigError, match="does not exist"):
        exchange.connect(tmp_path / "emergency.toml")


def test_a_closed_city_reads_nothing(world: World) -> None:
    city = world.client()
    city.close()
    city.close()

    with pytest.raises(errors.ConfigError, match="closed"):
        city.read("port.flights", purpose="emergency-response").to_arrow()


def test_closing_in_the_middle_of_a_read_breaks_it_and_keeps_its_receipt(
    world: World, tmp_path: Path
) -> None:
    city = world.client(state=tmp_path)
    reading = iter(city.read("port.flights", purpose="emergency-response"))
    next(reading)
    city.close()

    with pytest.raises(errors.StreamBroken):
        list(reading)

    assert [path.stem for path in (tmp_path / "receipts").iterdir()] == world.grants
