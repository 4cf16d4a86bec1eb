"""The steward's tutorial, section Check: what the page shows is what the program says."""

from __future__ import annotations

import shutil
from pathlib import Path

from small_city import EXAMPLE_CITY
from typer.testing import CliRunner

from exchange.cli.policy import app

PAGE = Path(__file__).parents[2] / "docs/flows/steward.md"


def test_the_page_shows_what_a_check_says(tmp_path: Path) -> None:
    city = Path(shutil.copytree(EXAMPLE_CITY, tmp_path / "policies"))
    grants = city / "departments/port/grants.csv"
    lines = grants.read_text(encoding="utf-8").splitlines()
    lines[4] = lines[4].replace("allow", "alow")
    lines.append("p, *, port.flights, read, stewardship, allow")
    grants.write_text("\n".join(lines) + "\n", encoding="utf-8")
    result = CliRunner().invoke(app, ["check", str(city)])
    assert result.exit_code == 1
    shown = PAGE.read_text(encoding="utf-8").split("$ exchange policy check policies\n", 1)[1]
    assert shown.partition("\n```")[0] == result.output.strip("\n")
