"""Remembered answers equal asked ones, and what a module reads is all that it can tell apart."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.model.canonical import JsonValue
from exchange.policy.engines.protocol import ConditionAnswer
from exchange.policy.engines.rego_answer import failed
from exchange.policy.engines.rego_check import check_module
from exchange.policy.engines.rego_gate import RegoGate
from exchange.policy.engines.rego_reads import reads
from exchange.policy.engines.remembered import Remembered

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
    module: object, questions: list[dict[str, JsonValue]]
) -> None:
    gate = RegoGate(BASELINE, {"port": module})  # type: ignore[dict-item]
    remembered = Remembered(gate, BASELINE, {"port": module})  # type: ignore[dict-item]
    for department in ("port", "weather"):
        for question in questions:
            assert remembered.ask(department, question) == gate.ask(department, question)


def test_what_a_module_reads_is_told_part_by_part_and_whole_where_it_looks_around() -> None:
    assert [sorted(reads(module)) for module in MODULES] == [
        [("state",)],
        [("subject", "department")],
        [("subject", "roles")],
        [("purpose",), ("subject",)],
        [("dataset", "tags")],
        [("columns",), ("time",)],
        [("dataset",)],
        [("subject",)],
    ]


class _Failing:
    """A gate that always fails, and counts."""

    def __init__(self) -> None:
        self.asked = 0

    def ask(self, department: str, question: object) -> ConditionAnswer:
        self.asked += 1
        return failed("boom")


def test_what_failed_is_asked_again() -> None:
    gate = _Failing()
    remembered = Remembered(gate, BASELINE, {"port": MODULES[0]})
    for _ in range(2):
        assert remembered.ask("port", {"subject": {}, "dataset": {}}).reason == "condition-failed"
    assert gate.asked == 2
