"""`exchange audit search` and `index`, as an auditor types them."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from audit_house import PUBLIC, decision, open_log
from typer.testing import CliRunner

from exchange.audit.storage.layout import Layout
from exchange.cli.audit.moments import unix_us
from exchange.cli.main import app
from exchange.errors import ConfigError

KEY = PUBLIC.text


def run(*words: object) -> Any:
    return CliRunner().invoke(app, ["audit", *map(str, words)], env={"COLUMNS": "200"})


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("search") / "log"
    with open_log(folder) as opened:
        for number in range(6):
            opened.append(
                decision(number, purpose="应急" if number % 2 else "research", columns=("尾号", "a_b"))
            )
    return folder


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--purpose", "应急"), [2, 4, 6]),
        (("--text", "应急"), [2, 4, 6]),
        (("--text", "RESEARCH"), [1, 3, 5]),
        (("--text", "a%b"), []),
        (("--column", "尾号", "--id", f"{3:032x}"), [4]),
        (("--kind", "log"), [0, 7]),
        (("--from", "2026-11-22", "--to", "2026-11-23", "--subject", "dispatch"), [1, 2, 3, 4, 5, 6]),
        (("--to", "2026-11-22T12:00:00Z"), []),
    ],
)
def test_it_finds_what_was_asked_for(log: Path, words: tuple[str, ...], expected: list[int]) -> None:
    done = run("search", log, "--json", "--oldest", *words)
    assert done.exit_code == 0
    assert [json.loads(line)["index"] for line in done.stdout.splitlines()] == expected
    assert run("search", log, "--count", *words).stdout == f"{len(expected)}\n"


def test_without_a_key_it_says_that_nothing_proves_it_complete(log: Path) -> None:
    assert "--key or --trust would prove" in run("search", log, "--kind", "decision").stderr


def test_with_a_key_the_answer_is_proven_complete(log: Path, tmp_path: Path) -> None:
    done = run("search", log, "--kind", "decision", "--key", KEY, "--index", tmp_path / "mine")
    assert done.exit_code == 0
    assert "proven complete: all 8 records signed by zhongshui.example/audit" in done.stderr
    assert list((tmp_path / "mine").glob("*.parquet"))


def test_an_altered_log_is_refused(log: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(log, copy)
    (segment,) = Layout(copy).segments()
    segment.write_bytes(segment.read_bytes().replace(b"research", b"resEarch"))
    done = run("search", copy, "--count", "--key", KEY)
    assert done.exit_code == 1
    assert "record 1 is not the one in the tree" in done.stderr


def test_it_says_that_it_left_some_out(log: Path) -> None:
    done = run("search", log, "--kind", "decision", "--limit", 2)
    assert "there are more" in done.stderr


def test_index_says_what_it_covers(log: Path, tmp_path: Path) -> None:
    assert json.loads(run("index", log, "--index", tmp_path / "index", "--json").stdout) == {"records": 8}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22", "2026-11-22T00:00:00+00:00"),
        ("2026-11-22T12:00:00+08:00", "2026-11-22T04:00:00+00:00"),
        ("2026-11-22T12:00:00", "2026-11-22T12:00:00+00:00"),
        ("7d", "2026-11-15T12:00:00+00:00"),
        ("90m", "2026-11-22T10:30:00+00:00"),
    ],
)
def test_times_are_read_as_people_write_them(text: str, expected: str) -> None:
    now = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
    found = unix_us(text, now=now)
    assert found is not None
    assert dt.datetime.fromtimestamp(found / 1e6, dt.UTC).isoformat() == expected


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "7y", "999999w"])
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is no time"):
        unix_us(text)
