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
    assert (result.exit_code, result.output.split(",")[0]) == (0, "sound: 5 departments")


def test_check_names_line_and_mend(city: Path) -> None:
    _break(city)
    result = RUN.invoke(app, ["check", str(city)])
    assert result.exit_code == 1
    lines = result.output.splitlines()
    place = lines.index("departments/port/grants.csv:5:66: error: unknown effect 'alow'")
    assert lines[place + 2] == "      |" + " " * 66 + "^^^^"
    assert lines[place + 3] == "      = write allow or deny, in lower case"


def test_check_as_json(city: Path) -> None:
    assert json.loads(RUN.invoke(app, ["check", str(city), "--json"]).output)["ok"] is True
    _break(city)
    found = json.loads(RUN.invoke(app, ["check", str(city), "--json"]).output)
    assert found["ok"] is False
    first = found["problems"][0]
    assert (first["file"], first["line"], first["column"]) == ("departments/port/grants.csv", 5, 66)
    assert (first["severity"], first["message"]) == ("error", "unknown effect 'alow'")


def test_check_with_schemas_finds_what_nobody_classified(tmp_path: Path) -> None:
    schemas = tmp_path / "schemas.json"
    schemas.write_text(json.dumps({"port.flights": {"passenger": "string"}}))
    result = RUN.invoke(app, ["check", str(EXAMPLE_CITY), "--schemas", str(schemas)])
    assert result.exit_code == 1
    assert "column 'passenger' of port.flights is not classified" in result.output
    result = RUN.invoke(app, ["check", str(EXAMPLE_CITY), "--schemas", str(tmp_path / "nowhere.json")])
    assert result.exit_code == 2


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
