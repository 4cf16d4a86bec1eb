"""T30 an engine raises or hangs → deny within its time limit."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping
from typing import Any

import pytest
from small_city import BASELINE_REGO, REGO, ask, refusal, small_city

from exchange.policy.engines.protocol import ConditionAnswer, GrantAnswer, GrantQuestion
from exchange.policy.engines.rego_check import check_module
from exchange.policy.engines.rego_gate import RegoGate

HEAD = "package exchange.departments.port\n"


class _Broken:
    def ask(self, *_: object) -> Any:
        raise RuntimeError("engine on fire at /etc/secret")

    def terms(self, *names: str) -> tuple[str, ...]:
        return names


class _Loose:
    """A grants engine that opens for everything."""

    def ask(self, _: GrantQuestion) -> GrantAnswer:
        return GrantAnswer(opened=True)

    def terms(self, *names: str) -> tuple[str, ...]:
        return names


class _Lax:
    """A conditions engine whose answer lacks a reason."""

    def ask(self, _department: str, _question: Mapping[str, Any]) -> ConditionAnswer:
        return ConditionAnswer(opened=False)


@pytest.mark.parametrize("gate", ["grants", "conditions"])
def test_t30_an_engine_that_raises_denies_and_says_nothing(gate: str) -> None:
    decision = ask(dataclasses.replace(small_city(), **{gate: _Broken()})).decision
    assert (decision.reason, decision.public_reason, decision.message) == ("policy-error", "not-granted", "")


def test_t30_an_open_gate_does_not_make_an_unclassified_dataset_known() -> None:
    bundle = dataclasses.replace(small_city(), grants=_Loose())
    assert ask(bundle, dataset="port.unheard").decision.reason == "dataset-unknown"


def test_t30_a_shut_gate_without_a_reason_stays_shut() -> None:
    assert ask(dataclasses.replace(small_city(), conditions=_Lax())).decision.reason == "condition-failed"


def test_t30_a_rule_that_contradicts_itself_denies() -> None:
    module = f'{HEAD}allow := input.state == "normal"\nallow := input.state == "emergency"\n'
    assert ask(small_city({REGO: module})).decision.reason == "condition-failed"


def test_t30_an_answer_after_the_time_limit_is_not_trusted() -> None:
    module = check_module("b.rego", b"package exchange.baseline\nallow if true\n", "exchange.baseline")
    ticks = itertools.count(step=1)
    slow = RegoGate(module, {}, time_limit_s=0.5, monotonic_s=lambda: float(next(ticks)))
    answer = slow.ask("port", {})
    assert (answer.opened, answer.reason) == (False, "condition-failed")


@pytest.mark.parametrize("value", ["1", '"true"', "{}", "[true]", "null", "{true}"])
def test_t30_anything_but_the_boolean_true_is_no_allow(value: str) -> None:
    bundle = small_city({BASELINE_REGO: f"package exchange.baseline\nallow := {value}\n"})
    assert ask(bundle).decision.reason == "condition-not-met"


@pytest.mark.parametrize("code", ["1", '"Not A Code"', '{"a": 1}', '""'])
def test_t30_a_denial_that_is_no_code_is_a_fault_and_denies(code: str) -> None:
    bundle = small_city({REGO: f"{HEAD}allow if true\ndeny contains {code}\n"})
    assert ask(bundle).decision.reason == "condition-failed"


@pytest.mark.parametrize(
    "body",
    [
        "allow if f(3)\nf(x) if f(x + 1)",
        "allow if a\na if b\nb if a",
        "allow if allow",
    ],
)
def test_t30_recursion_is_refused_because_it_would_end_the_process(body: str) -> None:
    assert "calls itself" in refusal({REGO: f"{HEAD}{body}\n"})


@pytest.mark.parametrize(
    "body",
    [
        "allow if { some a in input.dataset.columns; some b in input.dataset.columns; a == b }",
        "allow if count([1 | input.columns[i] == input.columns[j]]) > 5",
        "allow if { some a in input.columns; every b in input.columns { a != b } }",
        "allow if { some a in input.columns; f(a) }\nf(x) if { some b in input.columns; x == b }",
        "allow if count(a9) > 1\n"
        + "\n".join(f"a{n} := array.concat(a{n - 1}, a{n - 1})" for n in range(1, 10))
        + "\na0 := [x | some x in input.columns]",
        "allow if count(a40) > 1\n"
        + "\n".join(f"a{n} := [a{n - 1}, a{n - 1}]" for n in range(1, 41))
        + "\na0 := [1]",
    ],
    ids=["two loops", "comprehension", "every", "function", "doubling", "nesting"],
)
def test_t30_a_rule_that_may_take_too_long_is_refused(body: str) -> None:
    assert "may take too many steps" in refusal({REGO: f"{HEAD}{body}\n"})


def test_t30_walking_columns_and_their_tags_is_within_bounds() -> None:
    module = f"""{HEAD}allow if {{
    some column in input.dataset.columns
    some tag in column.tags
    tag == "person-identifier"
}}
"""
    assert ask(small_city({REGO: module})).decision.allowed


@pytest.mark.parametrize("opening", ["[", "(", "{"])
def test_t30_deep_brackets_are_refused_before_the_parser_sees_them(opening: str) -> None:
    text = refusal({REGO: f"{HEAD}allow if x == {opening * 10_000}\n"})
    assert "brackets are more than 12 deep" in text
