"""`exchange audit archive`, `restore`, `retain`, and `verify` with a trust policy, as a person runs them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from audit_house import NOON_US, PUBLIC, judged
from kept_house import DAY_US, grown, seals_of, shortened
from typer.testing import CliRunner, Result

from exchange.audit.storage.layout import Layout
from exchange.cli.main import app


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["audit", *map(str, arguments)])


@pytest.fixture(scope="module")
def genuine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return grown(tmp_path_factory.mktemp("genuine") / "log", batches=8, begun_us=NOON_US - 500 * DAY_US)


@pytest.fixture
def log(genuine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(genuine, tmp_path / "log"))


def test_there_and_back(log: Path, tmp_path: Path) -> None:
    done = run("archive", log, "--to", tmp_path / "archive", "--key", PUBLIC.text, "--json")
    assert (done.exit_code, json.loads(done.stdout)["segments"]) == (0, len(seals_of(log)))
    again = run("archive", log, "--to", tmp_path / "archive", "--key", PUBLIC.text)
    assert "0 segments copied" in again.stdout
    back = run("restore", tmp_path / "archive", "--to", tmp_path / "back")
    assert back.exit_code == 0, back.output
    assert run("verify", tmp_path / "back", "--key", PUBLIC.text).exit_code == 0


def test_a_copy_follows_its_log_and_no_further(genuine: Path, log: Path, tmp_path: Path) -> None:
    gone = shortened(log)[0]
    copy = Path(shutil.copytree(log, tmp_path / "copy"))
    shutil.copy(Layout(genuine).segment(0), Layout(copy).segment(0))
    options = ("--key", PUBLIC.text, "--older-than", "1d", "--no-archive")
    assert run("retain", copy, *options, "--dry-run").exit_code == 0
    assert Layout(copy).segment(0).exists()
    done = run("retain", copy, *options, "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["removed"][0]["last"] == gone.size - 1
    assert not Layout(copy).segment(0).exists()
    assert judged(copy).whole


def test_what_the_log_does_not_speak_of_is_not_removed(log: Path) -> None:
    refused = run("retain", log, "--key", PUBLIC.text, "--older-than", "1d", "--no-archive")
    assert refused.exit_code == 1
    assert "the log does not say" in refused.stdout
    assert Layout(log).segment(0).exists()


@pytest.mark.parametrize("period", ["0d", "400", "d", "-1d", "1.5d"])
def test_a_period_is_a_number_of_days(log: Path, period: str) -> None:
    done = run("retain", log, "--key", PUBLIC.text, "--older-than", period, "--no-archive")
    assert done.exit_code == 2


def test_nobody_loses_payload_without_saying_so(log: Path) -> None:
    done = run("retain", log, "--key", PUBLIC.text, "--older-than", "1d")
    assert done.exit_code == 2


def test_a_trust_policy_in_place_of_the_key(log: Path, tmp_path: Path) -> None:
    policy = tmp_path / "trust"
    policy.write_text(f"log {PUBLIC.text}\nquorum none\n")
    assert run("verify", log, "--trust", policy).exit_code == 0
    assert run("verify", log, "--trust", policy, "--key", PUBLIC.text).exit_code == 2
    assert run("verify", log).exit_code == 2


def test_several_earlier_checkpoints_are_all_compared(log: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    shutil.copy(Layout(log).checkpoint, kept)
    options = ("--key", PUBLIC.text, "--since", kept, "--since", kept)
    assert run("verify", log, *options).exit_code == 0


def test_a_log_is_no_archive(tmp_path: Path) -> None:
    done = run("restore", grown(tmp_path / "log"), "--to", tmp_path / "back")
    assert (done.exit_code, "holds no packed segments" in done.stderr) == (2, True)
    assert not (tmp_path / "back").exists()
