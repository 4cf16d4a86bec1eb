"""T30 on a steward's own machine: a condition beyond all bounds ends a worker, never the program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from small_city import REGO, files
from typer.testing import CliRunner

from exchange.cli.main import app
from exchange.policy.engines import stewards
from exchange.policy.engines.stewards import EXCESS, STEWARDS

HEAD = "package exchange.departments.port\n"


def _doubling(start: str, rest: str) -> str:
    steps = "\n".join(f"\ta{i} := array.concat(a{i - 1}, a{i - 1})" for i in range(1, 30))
    return f"allow if {{\n\ta0 := {start}\n{steps}\n\t{rest}\n}}\n"


EATS_AT_ONCE = _doubling('["x"]', "count(a29) > 5")
EATS_WHEN_ASKED = _doubling("input.subject.roles", "count(a29) > 5")
HANGS_WHEN_ASKED = EATS_WHEN_ASKED.partition("\ta19")[0] + "\tcount(sort(a18)) > 5\n" * 200 + "}\n"
CASE = """
cases:
  - name: the press sees nothing
    subject: emergency/dispatch
    dataset: port.flights
    purpose: emergency-response
    time: 2026-06-01T12:00:00+08:00
    expect: deny
"""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    STEWARDS.close()
    yield
    STEWARDS.close()


def _city(folder: Path, rule: str) -> Path:
    made = files({REGO: HEAD + rule, "departments/port/cases/own.yaml": CASE})
    for path, content in made.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return folder


def _said(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["policy", *map(str, arguments)])
    return result.exit_code, result.output


def test_t30_check_names_the_file_of_rules_that_eat_all_memory(tmp_path: Path) -> None:
    code, said = _said("check", _city(tmp_path, EATS_AT_ONCE))
    assert code == 1
    assert f"{REGO}:1:1: error: {EXCESS}" in said


QUESTIONS: list[Sequence[str]] = [
    ("test", "{}"),
    ("who", "port.flights", "--dir", "{}"),
    ("what", "emergency", "--dir", "{}"),
    ("explain", "emergency/dispatch", "port.flights", "--purpose", "emergency-response", "--dir", "{}"),
    ("simulate", "{}", "{}/../calm"),
]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question[0])
def test_t30_every_question_ends_with_file_and_mend(tmp_path: Path, question: Sequence[str]) -> None:
    folder = _city(tmp_path / "new", EATS_WHEN_ASKED)
    _city(tmp_path / "calm", "allow if true\n")
    assert _said("check", folder)[0] == 0, "nothing shows before somebody who plays a role asks"
    code, said = _said(*(part.format(folder) for part in question))
    assert (code, f"{REGO}:1: {EXCESS}" in said) == (1, True), said
    assert "hint: build no lists out of lists" in said


def test_t30_rules_that_never_end_are_stopped_and_the_next_question_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stewards, "TIME_LIMIT_S", 0.3)
    folder = _city(tmp_path / "new", HANGS_WHEN_ASKED)
    assert _said("check", folder)[0] == 0
    code, said = _said("who", "port.flights", "--dir", folder)
    assert (code, EXCESS in said) == (1, True), said
    code, said = _said("who", "port.flights", "--dir", _city(tmp_path / "calm", "allow if true\n"))
    assert (code, "emergency/*" in said) == (0, True), said


def test_t30_without_departments_conditions_no_worker_is_started(tmp_path: Path) -> None:
    folder = _city(tmp_path, "")
    (folder / REGO).unlink()
    assert _said("check", folder)[0] == 0
    assert STEWARDS.processes() == ()
