"""`exchange audit reconcile` and `exchange audit export`, as an auditor types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from audit_house import lines_of
from told_house import DATASET, access_id, telling
from typer.testing import CliRunner, Result

from exchange.cli.main import app


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["audit", *map(str, words)], env={"COLUMNS": "200"})


@pytest.fixture
def honest(tmp_path: Path) -> Path:
    with telling(tmp_path / "honest") as city:
        city.honest()
    return tmp_path / "honest"


@pytest.fixture
def cheated(tmp_path: Path) -> Path:
    with telling(tmp_path / "cheated") as city:
        city.honest()
        city.decide(1)
        city.start(1)
        city.end(1, rows=3)
        city.received(1)
    return tmp_path / "cheated"


def test_reconcile_says_that_every_account_fits_and_exits_0(honest: Path) -> None:
    result = run("reconcile", honest)
    assert (result.exit_code, result.stdout) == (0, "every account fits\n")


def test_reconcile_names_what_does_not_fit_and_exits_1(cheated: Path) -> None:
    result = run("reconcile", cheated)
    assert result.exit_code == 1
    assert f"alarm    connector-says-less  {access_id(1)}  #8, #9  {DATASET}" in result.stdout
    assert "1 alarm, 0 warnings, 0 notes" in result.stdout


def test_reconcile_prints_a_finding_a_line_for_programs(cheated: Path) -> None:
    (line,) = run("reconcile", cheated, "--json").stdout.splitlines()
    found = json.loads(line)
    assert (found["code"], found["records"], found["dataset"]) == ("connector-says-less", [8, 9], DATASET)


def test_reconcile_of_another_period_finds_nothing(cheated: Path) -> None:
    assert run("reconcile", cheated, "--to", "2026-11-21").exit_code == 0
    assert run("reconcile", cheated, "--from", "2026-11-22").exit_code == 1


def test_export_writes_the_records_verbatim(honest: Path, tmp_path: Path) -> None:
    assert run("export", honest, "--out", tmp_path / "out.jsonl").exit_code == 0
    assert (tmp_path / "out.jsonl").read_bytes().splitlines() == lines_of(honest)


def test_for_programs_an_export_gives_an_account_of_itself(honest: Path, tmp_path: Path) -> None:
    out = tmp_path / "航班.jsonl"

    account = json.loads(run("export", honest, "--out", out, "--kind", "decision", "--json").stdout)

    assert account == {"file": str(out), "format": "jsonl", "records": len(out.read_bytes().splitlines())}


def test_export_to_the_output(honest: Path) -> None:
    result = run("export", honest, "--out", "-", "--kind", "decision", "--format", "ocsf")
    (event,) = result.stdout.splitlines()
    assert json.loads(event)["class_uid"] == 6005


def test_export_overwrites_nothing_and_exits_2(honest: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    result = run("export", honest, "--out", tmp_path / "out")
    assert (result.exit_code, (tmp_path / "out").read_text()) == (2, "mine")
    assert "exists already" in result.stderr


@pytest.mark.parametrize("command", [("reconcile",), ("export", "--out", "-")])
def test_a_folder_without_a_log_exits_2(tmp_path: Path, command: tuple[str, ...]) -> None:
    assert run(*command, tmp_path).exit_code == 2
