"""Remembered answers equal asked ones, and what a module reads is all that it can tell apart."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.model.canonical import JsonValue
from exchange.policy.engines import rego_here
from exchange.policy.engines.rego_answer import EvaluationFailed, Values, interpret
from exchange.policy.engines.rego_check import RegoModule, check_module
from exchange.policy.engines.rego_gate import RegoGate
from exchange.policy.engines.rego_speaker import Speaker

BASELINE = check_module(
    "baseline/conditions.rego",
    b'package exchange.baseline\nallow if input.subject.kind == "system"\n'
    b'deny contains "shut" if input.dataset.sharing == "none"\n',
    "exchange.baseline",
)
BODIES = [
    'allow if input.state == "normal"',
    'allow if input.subject["department"] == "press"',
    'allow if "researcher" in input.subject.roles',
    "allow if { some key; input.subject[key] == input.purpose }",
    'allow if count([1 | some tag in input.dataset.tags; tag == "person"]) == 1',
    (
        'allow if startswith(input.time, "2026")\n'
        'obligations contains {"id": "x", "row_limit": 5} if input.columns == []'
    ),
    'allow if helper(input.dataset)\nhelper(it) if it.grade == "core"',
    'allow if { kind := input.subject; kind.name == "lab" }',
]
MODULES = [
    check_module(
        "departments/port/conditions.rego",
        f"package exchange.departments.port\n{body}\n".encode(),
        "exchange.departments.port",
    )
    for body in BODIES
]
WORDS = st.sampled_from(["press", "research", "lab", "core", "none", "normal", "system", "2026", "2027"])
QUESTIONS: st.SearchStrategy[dict[str, JsonValue]] = st.fixed_dictionaries(
    {
        "subject": st.fixed_dictionaries(
            {
                "id": WORDS,
                "department": WORDS,
                "kind": st.sampled_from(["system", "steward"]),
                "name": WORDS,
                "roles": st.lists(st.sampled_from(["researcher", "guest"]), max_size=2),
            }
        ),
        "dataset": st.fixed_dictionaries(
            {
                "id": WORDS,
                "department": WORDS,
                "sharing": st.sampled_from(["none", "conditional"]),
                "grade": WORDS,
                "tags": st.lists(st.sampled_from(["person", "place"]), max_size=2),
                "columns": st.just([]),
            }
        ),
        "purpose": WORDS,
        "action": st.just("read"),
        "columns": st.lists(WORDS, max_size=2),
        "time": WORDS,
        "state": st.sampled_from(["normal", "emergency"]),
    }
)


@settings(max_examples=150, deadline=None)
@given(module=st.sampled_from(MODULES), questions=st.lists(QUESTIONS, min_size=2, max_size=12))
def test_a_remembered_answer_is_the_one_that_would_be_given(
    module: RegoModule, questions: list[dict[str, JsonValue]]
) -> None:
    gate = RegoGate(BASELINE, {"port": module})
    for department, modules in (("port", (BASELINE, module)), ("weather", (BASELINE,))):
        for question in questions:
            assert gate.ask(department, question) == interpret(modules, rego_here.run(modules, question))


def test_what_a_module_reads_is_told_part_by_part_and_whole_where_it_looks_around() -> None:
    assert [sorted(module.reads) for module in MODULES] == [
        [("state",)],
        [("subject", "department")],
        [("subject", "roles")],
        [("purpose",), ("subject",)],
        [("dataset", "tags")],
        [("columns",), ("time",)],
        [("dataset",)],
        [("subject",)],
    ]


def test_what_is_alike_is_asked_once_and_what_failed_again() -> None:
    asked: list[JsonValue] = []

    def run(modules: tuple[RegoModule, ...], question: Mapping[str, JsonValue]) -> list[Values]:
        asked.append(question["state"])
        if question["state"] == "boom":
            raise EvaluationFailed("boom")
        return rego_here.run(modules, question)

    speaker = Speaker(MODULES[0], run)
    for purpose in ("one", "two"):
        assert speaker.say({"state": "normal", "purpose": purpose}) == {"allow": True}
        with pytest.raises(EvaluationFailed):
            speaker.say({"state": "boom", "purpose": purpose})
    assert asked == ["normal", "boom", "boom"]
