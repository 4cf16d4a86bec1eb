"""Which conditions may run in the broker itself: those that can neither hold it up nor end it (T30)."""

from __future__ import annotations

import pytest

from exchange.policy.engines.rego_check import RegoModule, check_module
from exchange.policy.engines.rego_gate import RegoGate

PLAIN = [
    'allow if input.purpose == "x"',
    'allow if "a" in input.columns',
    "allow if count(input.columns) > 2",
    'allow if { purpose := input.purpose; startswith(purpose, "a") }',
    'allow if { input.state in {"a", "b"}; not input.purpose in ["x"] }',
    'allow if calm\ncalm if input.state == "normal"',
    'allow if input["purpose"] == "x"',
    'allow if not "researcher" in input.subject["roles"]',
    'allow if { input.dataset.sharing == "x"; input.subject.department != input.dataset.department }',
    'allow if input.time > "2020"',
    'allow if input.state == "x"\ndeny contains "code" if input.state == "y"',
    'allow if input.state == "x"\nobligations contains {"id": "x", "row_limit": 5} if input.time > ""',
]
NOT_PLAIN = [
    'allow if { some name in input.columns; name == "a" }',
    'allow if input.columns[_] == "x"',
    'allow if input.subject.roles[i] == "x"',
    'allow if { every name in input.columns { name != "x" } }',
    "allow if count([name | name := input.columns[_]]) > 1",
    "allow if count({name | name := input.columns[_]}) > 1",
    'allow if lower(input.purpose) == "x"',
    'allow if concat("", [input.purpose, input.purpose]) == "x"',
    "allow if { x := 2 * 3; x == 6 }",
    'allow if { x := {"a"} | {"b"}; input.purpose in x }',
    "allow if twice(1)\ntwice(x) if x == 1",
    'allow if { x := [input.columns, input.columns]; x[0] == "a" }',
    'allow if { x := ["a"]; y := [x, x]; y == x }',
    'allow if { [x, y] := ["a", input.state]; x == y }',
    'allow if regex.match("^a+$", input.purpose)',
    # what takes long to compare: five seconds of the broker's one interpreter, in lines without a round
    "allow if input.dataset.columns >= input.dataset.columns",
    "allow if same\nall := input.dataset.columns\nsame if {\n" + "all >= all\n" * 500 + "}",
    'allow if { input.purpose == "x"; count(odd) == 1 }\nodd contains input.dataset',
    'allow if input["columns"] == ["x"]',
    "allow if input.subject.roles < input.dataset.tags",
    "allow if c >= c\nc := {\n" + "".join(f"{number},\n" for number in range(600)) + "0}",
    'allow if input.purpose == "x"\n' + "# a page is enough\n" * 500,
    "allow if { a; b; c }\n" + "\n".join(f'{name} if "x" in input.columns' for name in "abc"),
]


def module(body: str, package: str = "exchange.departments.port") -> RegoModule:
    text = f"package {package}\n\ndefault allow := false\n\n{body}\n"
    return check_module("conditions.rego", text.encode(), package)


@pytest.mark.parametrize("body", PLAIN)
def test_comparing_and_looking_up_is_plain(body: str) -> None:
    assert module(body).plain


@pytest.mark.parametrize("body", NOT_PLAIN)
def test_what_goes_round_builds_or_may_take_long_is_not(body: str) -> None:
    assert not module(body).plain


def test_only_what_is_not_plain_leaves_this_process() -> None:
    asked: list[str] = []

    def elsewhere(modules: tuple[RegoModule, ...], _question: object) -> list[dict[str, bool]]:
        asked.append(modules[-1].package)
        return [{"allow": True} for _ in modules]

    city = module('allow if input.state == ""', "exchange.baseline")
    port = module('allow if input.purpose == ""')
    health = module('allow if lower(input.purpose) == ""', "exchange.departments.health")
    gate = RegoGate(city, {"port": port, "health": health}, run=elsewhere)
    question = {"purpose": "", "state": ""}
    assert gate.ask("port", question).opened
    assert not gate.ask("port", {**question, "purpose": "x"}).opened
    assert asked == ["exchange.departments.health"], "the probe alone"
    assert gate.ask("health", {**question, "purpose": "y"}).opened
    assert asked == ["exchange.departments.health"] * 2
