"""A steward asks the running broker: why a read was refused, and how his folder differs from a revision."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import Result

from exchange.cli.console import USAGE, WIDENED

Exchange = Callable[..., Result]
ASKED = ("port.requests", "--purpose", "transport-research")


def test_a_refusal_is_explained_to_the_steward_of_the_dataset(
    exchange: Exchange, city: Any, tmp_path: Path
) -> None:
    refused = exchange("get", *ASKED, "-c", city.client("press"), "--out", tmp_path / "x.parquet")
    found = re.search(r"id ([0-9a-f]{32})", refused.stderr)
    assert found is not None, refused.output
    result = exchange("policy", "explain", "--id", found[1], "-c", city.client("port-steward"))
    assert result.exit_code == 1, result.output
    assert "decision     DENY (" in result.output
    other = exchange("policy", "explain", "--id", found[1], "-c", city.client("press-steward"))
    assert other.exit_code == USAGE
    assert "on your datasets" in other.output


def test_a_folder_is_compared_with_a_revision_of_the_broker(
    exchange: Exchange, city: Any, tmp_path: Path
) -> None:
    config = city.client("port-steward")
    same = exchange("policy", "simulate", "1", city.folder / "policies", "-c", config)
    assert (same.exit_code, same.output) == (0, "nothing changes: nobody gains, nobody loses\n")
    new = Path(shutil.copytree(city.folder / "policies", tmp_path / "new"))
    grants = new / "departments/port/grants.csv"
    with grants.open("a", encoding="utf-8") as file:
        file.write(f"\np, spiffe://press.{domain(new)}/system/new, port.requests, read, stewardship, allow\n")
    wider = exchange("policy", "simulate", "1", new, "-c", config)
    assert wider.exit_code == WIDENED, wider.output
    assert "gain: press/new\n" in wider.output


def domain(folder: Path) -> str:
    found = re.search(r'trust_domain = "([^"]+)"', (folder / "city.toml").read_text(encoding="utf-8"))
    assert found is not None
    return found[1]


def test_without_a_broker_a_revision_is_not_known(exchange: Exchange, city: Any) -> None:
    result = exchange("policy", "simulate", "1", city.folder / "policies")
    assert result.exit_code == USAGE
    assert "a revision is asked of the broker" in result.output
