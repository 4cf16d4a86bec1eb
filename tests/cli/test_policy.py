"""`exchange policy check`: says where and how to mend."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from small_city import EXAMPLE_CITY
from typer.testing import CliRunner

from exchange.cli.policy import app
from exchange.errors import PolicyInvalid
from exchange.policy.files.publication import publish_files

RUN = CliRunner()


@pytest.fixture
def city(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE_CITY, tmp_path / "policies"))


def _break(city: Path) -> None:
    grants = city / "departments/port/grants.csv"
    grants.write_text(
        grants.read_text(encoding="utf-8").replace("response, allow", "response, alow", 1), encoding="utf-8"
    )


def test_check_of_a_sound_city() -> None:
    result = RUN.invoke(app, ["check", str(EXAMPLE_CITY)])
    assert (result.exit_code, result.output.split(",")[0]) == (0, "sound: 4 departments")


def test_check_names_line_and_mend(city: Path) -> None:
    _break(city)
    result = RUN.invoke(app, ["check", str(city)])
    assert result.exit_code == 1
    assert "departments/port/grants.csv:5: unknown effect 'alow'" in result.output
    assert "hint: write allow or deny" in result.output


def test_check_as_json(city: Path) -> None:
    assert json.loads(RUN.invoke(app, ["check", str(city), "--json"]).output)["ok"] is True
    _break(city)
    found = json.loads(RUN.invoke(app, ["check", str(city), "--json"]).output)
    assert found["ok"] is False
    assert found["problems"][0]["message"].startswith("departments/port/grants.csv:5:")


def test_check_of_no_folder(tmp_path: Path) -> None:
    result = RUN.invoke(app, ["check", str(tmp_path / "nowhere")])
    assert result.exit_code == 1
    assert "is not a folder" in result.output


def test_what_is_published_was_checked_first(city: Path) -> None:
    assert sorted(publish_files(city, "weather")) == [
        "cases/observations.yaml",
        "cases/schemas.yaml",
        "datasets.toml",
        "grants.csv",
        "obligations.toml",
    ]
    with pytest.raises(PolicyInvalid, match="holds no files"):
        publish_files(city, "press")
    _break(city)
    with pytest.raises(PolicyInvalid, match="alow"):
        publish_files(city, "weather")
