"""Whatever the condition and the question, regorus here, in a worker, and a real OPA answer alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as some
from opa_house import opa_server

from exchange.errors import PolicyInvalid
from exchange.policy.engines.choice import ConditionEngine, InProcess, open_engine
from exchange.policy.engines.rego_check import check_module
from exchange.policy.engines.settings import RegoSettings

pytestmark = pytest.mark.needs("opa")
BASELINE = check_module(
    "baseline/conditions.rego",
    b"""package exchange.baseline
default allow := false
allow if input.subject.kind == "system"
deny contains "core" if { input.dataset.grade == "core"; not calm }
calm if input.state == "normal"
""",
    "exchange.baseline",
)
TEXTS = some.sampled_from(
    [
        "",
        "a",
        "normal",
        "core",
        "system",
        "应急处置",
        "é",
        '"',
        "\\",
        "{}",
        "null",
        "\n",
        "😀",
        "<b>",
        "2026-06-01T12:00:00Z",
    ]
)
TERMS = some.one_of(
    some.sampled_from(["input.purpose", "input.state", "input.subject.department", "input.dataset.grade"]),
    some.sampled_from(
        ["count(input.columns)", "lower(input.purpose)", "to_number(input.purpose)", "true", "1", "null"]
    ),
    some.sampled_from(
        ["input.columns[0]", "input.dataset.tags", "{x | some x in input.columns}", "[1, 2.5]"]
    ),
    some.sampled_from(
        ["time.weekday(time.parse_rfc3339_ns(input.time))", "split(input.purpose, `a`)", "max(input.columns)"]
    ),
)
EXPRESSIONS = some.one_of(
    some.builds("{} == {}".format, TERMS, TERMS),
    some.builds("{} != {}".format, TERMS, TERMS),
    some.builds("{} < {}".format, TERMS, TERMS),
    some.builds("not {} == {}".format, TERMS, TERMS),
    some.builds("not {}".format, TERMS),
    some.builds("{} in input.columns".format, TERMS),
    some.sampled_from(
        [
            "startswith(input.purpose, `a`)",
            "regex.match(`^[a-z]*$`, input.purpose)",
            "every c in input.columns { c != `a` }",
        ]
    ),
)
BODIES = some.lists(EXPRESSIONS, min_size=1, max_size=3).map("; ".join)
VALUES = some.one_of(some.just("true"), TERMS)
MODULES = some.builds(
    "package exchange.departments.port\nallow := {} if {{ {} }}\ndeny contains {} if {{ {} }}\n"
    "obligations contains {{`id`: `x`, `row_limit`: {}}} if {{ {} }}\n".format,
    some.sampled_from(["true", "true", "1", "input.purpose"]),
    BODIES,
    some.sampled_from(["`code`", "input.purpose"]),
    BODIES,
    some.sampled_from(["5", "count(input.columns)", "to_number(input.purpose)"]),
    BODIES,
)
QUESTIONS = some.fixed_dictionaries(
    {
        "subject": some.fixed_dictionaries(
            {
                "id": TEXTS,
                "department": TEXTS,
                "kind": some.sampled_from(["system", "steward"]),
                "name": TEXTS,
                "roles": some.lists(TEXTS, max_size=2),
            }
        ),
        "dataset": some.fixed_dictionaries(
            {
                "id": TEXTS,
                "department": TEXTS,
                "sharing": TEXTS,
                "grade": TEXTS,
                "tags": some.lists(TEXTS, max_size=2),
                "columns": some.just([]),
            }
        ),
        "purpose": TEXTS,
        "action": some.just("read"),
        "columns": some.lists(TEXTS, max_size=3),
        "time": some.sampled_from(["2026-06-01T12:00:00.000000Z", "1970-01-01T00:00:00.000000Z"]),
        "state": some.sampled_from(["normal", "emergency"]),
    }
)


@pytest.fixture(scope="module")
def engines() -> Iterator[dict[str, ConditionEngine]]:
    with opa_server() as opa:
        made = {
            "here": InProcess(),
            "worker": open_engine(RegoSettings(timeout_ms=5000)),
            "opa": open_engine(RegoSettings(engine="opa", url=opa.url, timeout_ms=5000)),
        }
        yield made
        for engine in made.values():
            engine.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=MODULES, questions=some.lists(QUESTIONS, min_size=1, max_size=4))
def test_engines_agree(
    engines: dict[str, ConditionEngine], text: str, questions: list[dict[str, Any]]
) -> None:
    try:
        module = check_module("departments/port/conditions.rego", text.encode(), "exchange.departments.port")
    except PolicyInvalid:
        reject()
    gates = {}
    for name, engine in engines.items():
        try:
            gates[name] = engine.gate(BASELINE, {"port": module}, 1)
        except PolicyInvalid:
            gates[name] = None
    if gates["opa"] is None or gates["here"] is None:
        reject()  # refused when published: nothing is ever decided by it
    for question in questions:
        here, worker, opa = (gates[name].ask("port", question) for name in ("here", "worker", "opa"))
        assert _said(here) == _said(worker)
        assert _said(here) == _said(opa), (text, here.detail, opa.detail)


def _said(answer: Any) -> tuple[Any, ...]:
    return (answer.opened, answer.reason, answer.rules, answer.demands)
