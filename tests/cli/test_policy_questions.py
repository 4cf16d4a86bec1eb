"""`exchange policy explain`, `who`, `what` and `simulate`, as a steward runs them on the example city."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from small_city import EXAMPLE_CITY, REGO, files

from exchange.cli.console import USAGE, WIDENED

Exchange = Callable[..., Result]
GRANTS = "departments/port/grants.csv"
FLIGHTS = ("port.flights", "--purpose", "emergency-response")


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE_CITY, tmp_path / "new"))


def _append(path: Path, line: str) -> None:
    path.write_text(path.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")


def test_an_allowed_read_is_explained_rule_by_rule(exchange: Exchange) -> None:
    result = exchange("policy", "explain", "emergency/dispatch", *FLIGHTS, "--dir", EXAMPLE_CITY)
    assert result.exit_code == 0, result.output
    for said in (
        "by departments/port/grants.csv:5: p, role:first-responder, port.flights, read",
        "column       dep_time  withheld\n               by departments/port/conditions.rego:12 (calm-times)",
        "column       tailnum  pseudonym (each department another)",
        "remove departments/port/grants.csv:5  -> deny (no-grant)",
    ):
        assert said in result.output


def test_the_grant_that_is_missing_is_named_and_was_tried(exchange: Exchange, new: Path) -> None:
    question = ("policy", "explain", "press/desk", "port.flights", "--purpose", "press-inquiry", "--dir")
    result = exchange(*question, new)
    assert result.exit_code == 1
    line = "p, spiffe://press.zhongshui.example/system/desk, port.flights, read, press-inquiry, allow"
    assert f"add to {GRANTS}: {line}" in result.output
    _append(new / GRANTS, line)
    assert exchange(*question, new).exit_code == 0


def test_the_condition_that_failed_is_named_and_the_state_that_meets_it(
    exchange: Exchange, new: Path
) -> None:
    rego = new / "departments/port/conditions.rego"
    text = rego.read_text(encoding="utf-8")
    rego.write_text(
        text.replace(
            'allow if input.dataset.id == "port.flights"',
            'allow if {\n\tinput.dataset.id == "port.flights"\n\tinput.state == "emergency"\n}',
        ),
        encoding="utf-8",
    )
    result = exchange("policy", "explain", "emergency/dispatch", *FLIGHTS, "--dir", new)
    assert result.exit_code == 1
    assert 'not fulfilled: departments/port/conditions.rego:9: input.state == "emergency"' in result.output
    assert "while the city's state is emergency  -> allow (granted)" in result.output


def test_the_rule_that_withholds_an_asked_column_is_named(exchange: Exchange) -> None:
    asked = (*FLIGHTS, "--columns", "origin,arr_time", "--dir", EXAMPLE_CITY)
    result = exchange("policy", "explain", "emergency/dispatch", *asked)
    assert result.exit_code == 1
    assert "arr_time  withheld\n               by departments/port/conditions.rego:12 (calm-" in result.output
    assert "ask without column arr_time  -> allow (granted)" in result.output


def test_explain_as_json(exchange: Exchange) -> None:
    result = exchange("policy", "explain", "research/lab", *FLIGHTS, "--dir", EXAMPLE_CITY, "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["decision"], found["reason"]) == (1, "deny", "no-grant")
    assert {"changes": ["ask for purpose transport-research"], "answer": "allow (granted)"} in found[
        "other_answer"
    ]


@pytest.mark.parametrize(
    ("arguments", "said", "code"),
    [
        (["spiffe://x", *FLIGHTS], "SPIFFE id", 1),
        (["port/ops", *FLIGHTS, "--at", "noon"], "is not a time", USAGE),
        (["port/ops", *FLIGHTS, "--schemas", "nowhere.json"], "holds no schemas", USAGE),
        ([], "there is nothing to explain", USAGE),
        (["--id", "0" * 32], "needs its record", USAGE),
    ],
)
def test_what_cannot_be_explained(exchange: Exchange, arguments: list[str], said: str, code: int) -> None:
    result = exchange("policy", "explain", *arguments, "--dir", EXAMPLE_CITY)
    assert said in result.output
    assert result.exit_code == code


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A city that stays as it is while the example city grows."""
    rego = """package exchange.departments.port
allow if input.purpose != ""
obligations contains {"id": "calm", "columns": {"withhold": ["delay"]}} if input.state != "emergency"
"""
    for path, content in files({REGO: rego}).items():
        (tmp_path / "small" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "small" / path).write_bytes(content)
    return tmp_path / "small"


def test_who_sees_a_column(exchange: Exchange, small: Path) -> None:
    result = exchange("policy", "who", "port.flights", "delay", "--dir", small, "--json")
    seen = {(one["subject"], *one["states"]) for one in json.loads(result.stdout)}
    assert seen == {(who, "emergency") for who in ("emergency/*", "port/ops", "research/*")}
    text = exchange("policy", "who", "port.flights", "delay", "--dir", small).output
    assert "emergency-response · while the state is emergency" in text


@pytest.mark.parametrize(
    ("subject", "parties"),
    [
        ("research", {"research/*"}),
        ("role:first-responder", {"emergency/*"}),
        ("port/ops", {"port/ops"}),
        ("emergency/dispatch", {"emergency/dispatch"}),
        ("press", set()),
    ],
)
def test_what_a_subject_sees(exchange: Exchange, small: Path, subject: str, parties: set[str]) -> None:
    result = exchange("policy", "what", subject, "--dir", small, "--json")
    found = json.loads(result.stdout)
    assert {one["subject"] for one in found} == parties
    assert {one["dataset"] for one in found} == ({"port.flights"} if parties else set())


@pytest.mark.parametrize(
    "arguments",
    [("who", "port.ships"), ("who", "port.flights", "wings"), ("what", "nobody"), ("what", "role:x")],
)
def test_words_the_city_does_not_know_are_errors(exchange: Exchange, arguments: tuple[str, ...]) -> None:
    assert exchange("policy", *arguments, "--dir", EXAMPLE_CITY).exit_code == USAGE


def test_a_city_against_itself_changes_nothing(exchange: Exchange) -> None:
    result = exchange("policy", "simulate", EXAMPLE_CITY, EXAMPLE_CITY)
    assert (result.exit_code, result.output) == (0, "nothing changes: nobody gains, nobody loses\n")


def test_a_new_grant_widens_and_the_exit_code_says_so(exchange: Exchange, new: Path) -> None:
    _append(new / GRANTS, "p, department:press, port.flights, read, press-inquiry, allow")
    result = exchange("policy", "simulate", EXAMPLE_CITY, new)
    assert result.exit_code == WIDENED
    assert "gain: press/*\nlose: nobody" in result.output
    assert "+ access: refused (no-grant) -> allowed" in result.output
    assert "masked  tailnum: pseudonym" in result.output


def test_taking_it_back_only_narrows(exchange: Exchange, new: Path) -> None:
    _append(new / GRANTS, "p, department:press, port.flights, read, press-inquiry, allow")
    result = exchange("policy", "simulate", new, EXAMPLE_CITY, "--json")
    assert (result.exit_code, json.loads(result.stdout)["widened"]) == (0, False)


def test_a_weaker_mask_and_a_looser_row_filter_are_named(exchange: Exchange, new: Path) -> None:
    file = new / "departments/port/obligations.toml"
    text = file.read_text(encoding="utf-8")
    text = text.replace('unit = "day"', 'unit = "hour"').replace("dep_delay > 30", "dep_delay > 15")
    file.write_text(text, encoding="utf-8")
    result = exchange("policy", "simulate", EXAMPLE_CITY, new)
    assert result.exit_code == WIDENED
    assert "+ mask time_hour: truncate (unit day) -> truncate (unit hour)" in result.output
    assert '+ rows: ("dep_delay" > 30) OR ("dep_time" IS NULL) -> ("dep_delay" > 15)' in result.output


@pytest.mark.parametrize(
    ("question", "said"),
    [
        (("explain", "press", *FLIGHTS), "'press' names no system\n  hint: write department/system"),
        (
            ("explain", "emergncy/dispatch", *FLIGHTS),
            "no department 'emergncy'\n  hint: did you mean emergency?",
        ),
        (("what", "reserch/lab"), "no department 'reserch'\n  hint: did you mean research?"),
        (("what", "reserch"), "no department 'reserch'\n  hint: did you mean research?"),
        (("who", "port.flihgts"), "no dataset 'port.flihgts'\n  hint: did you mean port.flights?"),
        (("who", "port.flights", "arrtime"), "column 'arrtime'\n  hint: did you mean arr_time?"),
        (("who", "port.flights", "zzz"), "column 'zzz'\n  hint: it has year, month"),
    ],
)
def test_a_mistyped_name_is_told_and_the_one_that_was_meant(
    exchange: Exchange, question: tuple[str, ...], said: str
) -> None:
    result = exchange("policy", *question, "--dir", EXAMPLE_CITY)
    assert result.exit_code == USAGE
    assert said in result.output


def test_a_denial_of_a_dataset_that_does_not_exist_says_so(exchange: Exchange) -> None:
    question = ("policy", "explain", "press/desk", "port.flihgts", "--purpose", "stewardship", "--dir")
    result = exchange(*question, EXAMPLE_CITY)
    assert result.exit_code == 1
    assert "no dataset 'port.flihgts'; did you mean port.flights?" in result.output


def test_a_departments_folder_is_not_taken_for_the_citys(exchange: Exchange, new: Path) -> None:
    result = exchange("policy", "check", new / "departments" / "port")
    assert result.exit_code == 1
    assert f"holds no city's policies\n  hint: name the folder that holds city.toml: {new}" in result.output
