"""`exchange audit`, as an auditor types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from audit_house import PUBLIC, decision, filled, forged, open_log
from typer.testing import CliRunner, Result

from exchange.audit.storage.layout import Layout
from exchange.cli.main import app

KEY = PUBLIC.text


@pytest.fixture
def log(tmp_path: Path) -> Path:
    filled(tmp_path / "log")
    return tmp_path / "log"


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["audit", *map(str, words)], env={"COLUMNS": "200"})


def edit(batches: list[list[bytes]]) -> None:
    batches[2][1] = batches[2][1].replace(b'"allow"', b'"deny"')


def test_verify_says_whole_and_exits_0(log: Path) -> None:
    result = run("verify", log, "--key", KEY)
    assert (result.exit_code, "whole" in result.stdout) == (0, True)
    assert "14 records read, 14 covered" in result.stdout


def test_verify_takes_the_key_from_a_file(log: Path, tmp_path: Path) -> None:
    (tmp_path / "audit.pub").write_text(KEY + "\n")
    assert run("verify", log, "--key", tmp_path / "audit.pub").exit_code == 0


def test_verify_names_the_edited_record_and_exits_1(log: Path) -> None:
    result = run("verify", forged(log, edit), "--key", KEY)
    assert result.exit_code == 1
    assert "#5: record 5 was edited" in result.stdout


def test_verify_prints_json_for_programs(log: Path) -> None:
    found = json.loads(run("verify", forged(log, edit), "--key", KEY, "--json").stdout)
    assert (found["whole"], found["findings"][0]["index"]) == (False, 5)


def test_verify_holds_the_log_against_a_kept_checkpoint(log: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_bytes(Layout(log).checkpoint.read_bytes())
    assert run("verify", log, "--key", KEY, "--since", kept).exit_code == 0
    other = tmp_path / "other"
    filled(other, batches=1)
    assert run("verify", other, "--key", KEY, "--since", kept).exit_code == 1
    segment = Layout(log).segments()[0]
    assert run("verify", segment, "--key", KEY, "--checkpoint", kept).exit_code == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("verify", "nowhere", "--key", KEY), "no audit log at nowhere"),
        (("verify", "LOG", "--key", "a+b+c"), "no verifier key"),
        (("verify", "LOG", "--key", "missing.pub"), "missing.pub cannot be read"),
        (("verify", "LOG", "--key", KEY, "--since", "missing"), "missing cannot be read"),
        (("list", "nowhere"), "no audit log at nowhere"),
        (("show", "LOG", "999"), "no record 999"),
        (("show", "LOG", "f" * 32), "no record ffff"),
    ],
)
def test_what_cannot_be_read_exits_2_and_says_why(log: Path, words: tuple[str, ...], told: str) -> None:
    result = run(*(str(log) if word == "LOG" else word for word in words))
    assert result.exit_code == 2
    assert result.stderr.startswith("exchange: ")
    assert told in result.stderr
    assert "Traceback" not in result.stderr


def test_list_shows_the_newest_records_as_people_read_them(log: Path) -> None:
    result = run("list", log, "--last", "2")
    assert result.exit_code == 0
    rows = result.stdout.splitlines()[1:]
    assert [row.split()[0] for row in rows] == ["12", "13"]
    for word in ("decision", "emergency/dispatch", "port.flights", "emergency-response", "allow"):
        assert word in rows[0]


def test_list_finds_by_access_subject_and_dataset(log: Path) -> None:
    with open_log(log) as opened:
        opened.append(
            decision(0xFEED, subject="spiffe://press.zhongshui.example/system/desk", dataset="port.x")
        )
    for filters in (("--id", f"{0xFEED:032x}"), ("--subject", "press"), ("--dataset", "port.x")):
        (line,) = run("list", log, "--json", *filters).stdout.splitlines()
        assert json.loads(line)["dataset"] == "port.x"
    assert run("list", log, "--json", "--subject", "nobody").stdout == ""


def test_show_prints_one_record_or_everything_of_one_access(log: Path) -> None:
    assert json.loads(run("show", log, "5", "--json").stdout)["index"] == 5
    assert json.loads(run("show", log, f"{4:032x}", "--json").stdout)["index"] == 5
    shown = run("show", log, "5").stdout
    assert "record 5 · decision" in shown
    assert "public_reason" in shown


def test_what_a_record_holds_cannot_steer_the_terminal(log: Path) -> None:
    with open_log(log) as opened:
        index = opened.append(decision(1, reason="\x1b[2Jgone\u202e", dataset="[red]x[/red]"))
    for words in (("list", log), ("show", log, str(index)), ("show", log, str(index), "--json")):
        shown = run(*words).stdout
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        assert "[red]x[/red]" in shown
