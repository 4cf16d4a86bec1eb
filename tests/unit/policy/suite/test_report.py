"""What a steward and a CI are told: failures with rules and lines, coverage, JUnit; and publication."""

from __future__ import annotations

import dataclasses
import json
from xml.etree import ElementTree as ET

from small_city import GRANTS, OBLIGATIONS, REGO, obligation
from suite_house import CASES, tree

from exchange.policy.bundle import Bundle, load
from exchange.policy.engines.protocol import ConditionAnswer
from exchange.policy.suite.coverage import Coverage, measure
from exchange.policy.suite.gate import run_cases
from exchange.policy.suite.junit import junit
from exchange.policy.suite.loader import load_suite
from exchange.policy.suite.report import as_json, failures, summary
from exchange.policy.suite.runner import run
from exchange.policy.suite.where import places

RULES = {
    OBLIGATIONS: obligation("row_limit = 10"),
    REGO: """package exchange.departments.port

default allow := false

allow if input.dataset.id == "port.flights"

deny contains "night" if {
	input.state == "emergency"
	late
}

late if input.purpose == "transport-research"

obligations contains {"id": "calm", "row_limit": 5} if {
	input.state != "emergency"
}
""",
}
WRONG = "- name: 限额 the limit\n  expect: { decision: allow, row_limit: 7 }\n"


def covered(cases: str) -> Coverage:
    files = tree(cases, RULES)
    bundle = load(files, 1)
    suite = load_suite(files, bundle)
    return measure(files, bundle, suite, run(suite, {"regorus": bundle}))


def untouched(cases: str) -> set[str]:
    return {f"{item.kind} {item.name}" for item in covered(cases).untouched}


def test_a_failure_names_the_question_the_difference_and_the_lines_at_work() -> None:
    files = tree(WRONG, RULES)
    bundle = load(files, 1)
    text = "\n".join(failures(run(load_suite(files, bundle), {"regorus": bundle}), places(files, bundle)))
    assert f"FAILED  {CASES}:8  限额 the limit  [regorus]" in text
    assert "emergency/dispatch reads port.flights for emergency-response, normal" in text
    assert "row_limit            expected  7" in text
    assert f"because grants: {GRANTS}:2" in text
    assert f"{OBLIGATIONS}:1" in text
    assert f"{REGO}:14" in text


def test_coverage_names_what_no_case_touches() -> None:
    calm = untouched(
        "- name: calm\n  expect: { decision: allow, columns: [origin, dest, tailnum, delay, at] }\n"
    )
    assert {"rego deny:night", "rego late"} <= calm
    assert "column port.flights crew" in calm
    assert "grant allow role:researcher port.flights for transport-research" in calm
    assert not {"rego allow", "rego calm", "obligation rule", "baseline persons"} & calm


def test_coverage_is_whole_when_everything_was_asked() -> None:
    cases = """
- name: calm
  expect: { decision: allow, columns: [origin, dest, tailnum, delay, at], hidden: [crew] }
- name: night
  subject: research/lab
  purpose: transport-research
  state: emergency
  expect: { decision: deny, reason: condition-denied }
- name: research
  subject: research/lab
  purpose: transport-research
  expect: allow
- name: ours
  subject: port/ops
  purpose: stewardship
  expect: allow
"""
    found = covered(cases)
    assert found.untouched == ()
    assert found.percent == 100.0


def test_a_condition_that_was_reached_but_did_not_hold_is_not_touched() -> None:
    assert "rego deny:night" in untouched("- name: x\n  state: emergency\n  expect: allow\n")


def test_json_and_junit_say_the_same() -> None:
    files = tree(WRONG + "- name: fine\n  expect: allow\n", RULES)
    bundle = load(files, 1)
    results = run(load_suite(files, bundle), {"regorus": bundle})
    told = json.loads(json.dumps(as_json(results, None)))
    assert (told["ok"], [one["passed"] for one in told["results"]]) == (False, [False, True])
    assert told["results"][0]["mismatches"] == [{"what": "row_limit", "expected": "7", "got": "5"}]
    root = ET.fromstring(junit(results, places(files, bundle)))  # noqa: S314 -- our own text
    assert (root.get("tests"), root.get("failures")) == ("2", "1")
    failed, fine = root.findall("testsuite/testcase")
    assert (failed.get("file"), failed.get("line")) == (CASES, "8")
    assert failed.find("failure") is not None
    assert fine.find("failure") is None
    assert summary(results) == "2 cases on regorus: 1 passed, 1 failed"


def test_publication_is_told_each_failure_with_its_line() -> None:
    files = tree(WRONG, RULES)
    assert list(run_cases(load(files, 1), files)) == [
        f"{CASES}:8: 限额 the limit: row_limit: expected 7, got 5"
    ]


def test_publication_without_cases_has_no_failures() -> None:
    files = {path: text for path, text in tree(WRONG).items() if "/cases/" not in path}
    assert list(run_cases(load(files, 1), files)) == []


def test_engines_that_differ_fail_even_where_both_are_as_expected() -> None:
    files = tree("- name: x\n  expect: allow\n", RULES)
    bundle = load(files, 1)
    other: Bundle = dataclasses.replace(bundle, conditions=_Other())
    first, second = run(load_suite(files, bundle), {"regorus": bundle, "other": other})
    assert first.passed
    assert [one.what for one in second.mismatches] == ["engines"]


class _Other:
    """A conditions engine that opens for everything and demands nothing."""

    def ask(self, department: str, question: object) -> ConditionAnswer:
        return ConditionAnswer(opened=True)
