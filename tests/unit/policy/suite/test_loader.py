"""A case that could pass by mistake is refused: a word that does not exist is denied to everybody."""

from __future__ import annotations

import pytest
from small_city import files
from suite_house import CASES, SCHEMA, refusal, suite

from exchange.errors import PolicyInvalid
from exchange.policy.bundle import load
from exchange.policy.suite.loader import load_suite

DENIED = "  expect: deny\n"


def test_a_case_stands_for_every_combination_of_what_it_lists() -> None:
    made = suite(
        "- name: many\n  subject: [emergency/dispatch, press/desk]\n  state: [normal, emergency]\n" + DENIED
    )
    assert [(case.subject.department, case.state) for case in made.cases] == [
        ("emergency", "normal"),
        ("emergency", "emergency"),
        ("press", "normal"),
        ("press", "emergency"),
    ]
    assert {str(case.place) for case in made.cases} == {f"{CASES}:8"}


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("subject: pres/desk", "department 'pres' is not declared"),
        ("subject: Emergency Dispatch", "names no system"),
        ("subject: spiffe://emergency.elsewhere.example/system/dispatch", "names no system"),
        ("dataset: port.flight", "unknown dataset 'port.flight'"),
        ("dataset: weather.observations", "is not port's own"),
        ("purpose: emergency-respons", "purpose 'emergency-respons' is not declared"),
        ("state: emergncy", "state 'emergncy' is not declared"),
        ("time: 2026-06-01T12:00:00", "is not a time"),
        ("time: now", "is not a time"),
        ("times: 2026-06-01T12:00:00Z", "unknown key `cases.0.times`"),
        ("row_limit: 0", "greater than or equal to 1"),
    ],
)
def test_a_misspelt_word_is_refused_with_its_line(case: str, said: str) -> None:
    text = refusal(f"- name: x\n  {case}\n{DENIED}")
    assert said in text
    assert text.startswith(f"{CASES}:")


@pytest.mark.parametrize(
    ("expect", "said"),
    [
        ("{ decision: allow, hidden: [crews] }", "no column 'crews'"),
        ("{ decision: allow, masks: { tailnumber: pseudonym } }", "no column 'tailnumber'"),
        ("{ decision: allow, columns: [origin], hidden: [origin] }", "both delivered and hidden"),
        ("{ decision: allow, rows: delay ~ 5 }", "rows"),
        ("{ decision: allow, reason: no-grant }", "allow cannot have the reason no-grant"),
        ("{ decision: deny, reason: nogrant }", "reason"),
        ("{ decision: deny, hidden: [crew] }", "a denial shows nothing"),
        ("maybe", "decision"),
        ("{ decision: allow, colums: [origin] }", "unknown key"),
    ],
)
def test_an_expectation_that_means_nothing_is_refused(expect: str, said: str) -> None:
    assert said in refusal(f"- name: x\n  expect: {expect}\n")


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("dataset: port.unheard", "dataset-unknown"),
        ("purpose: curiosity", "purpose-undeclared"),
        ("state: panic", "state-undeclared"),
    ],
)
def test_a_word_that_does_not_exist_may_be_what_the_case_is_about(case: str, reason: str) -> None:
    made = suite(f"- name: x\n  {case}\n  expect: {{ decision: deny, reason: {reason} }}\n")
    assert len(made.cases) == 1


def test_an_allowed_case_needs_the_columns_types() -> None:
    text = refusal("- name: x\n  expect: allow\n", schema="{}")
    assert "nothing is known of the columns of port.flights" in text


def test_a_case_needs_its_time() -> None:
    cases = (
        "cases:\n  - name: x\n    subject: press/desk\n    dataset: port.flights\n"
        "    purpose: stewardship\n    expect: deny\n"
    )
    made = files({CASES: cases})
    with pytest.raises(PolicyInvalid, match="names no time"):
        load_suite(made, load(made, 1))


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        (SCHEMA.replace("  crew: text\n", ""), "column 'crew' of port.flights has no type"),
        (SCHEMA.replace("delay: number", "delay: nummer"), "'nummer' is not a type"),
        (SCHEMA.replace("delay: number", "delay: 5"), "5 is not a type"),
        (
            SCHEMA.replace("delay: number", '"delay": "list<item: strng>"'),
            "'list<item: strng>' is not a type",
        ),
        (SCHEMA.replace("port.flights", "weather.observations"), "is not port's own"),
        (SCHEMA.replace("port.flights", "port.flight"), "unknown dataset"),
        (SCHEMA + "  Origin: text\n", "look alike"),
        ("port.flights: 5\n", "has no columns"),
        ("- 1\n", "no dataset stands there"),
    ],
)
def test_a_schema_that_could_mislead_is_refused(schema: str, said: str) -> None:
    text = refusal("- name: x\n  expect: allow\n", schema=schema)
    assert said in text
    assert text.startswith("departments/port/cases/schemas.yaml:")


def test_types_are_words_or_what_the_connector_registers() -> None:
    made = suite(
        "- name: x\n  expect: allow\n", schema=SCHEMA.replace("delay: number", 'delay: "decimal128(9, 2)"')
    )
    types = {column.name: column.type for column in made.schemas["port.flights"].columns}
    assert (types["delay"], types["at"], types["origin"]) == (
        "decimal128(9, 2)",
        "timestamp[us, tz=UTC]",
        "string",
    )


@pytest.mark.parametrize("type_", ["list<item: string>", "large_list<item: list<item: double>>"])
def test_a_column_may_hold_lists(type_: str) -> None:
    schema = SCHEMA.replace("  crew: text", f'  crew: "{type_}"')
    made = suite("- name: x\n  expect: allow\n", schema=schema)
    (crew,) = (column for column in made.schemas["port.flights"].columns if column.name == "crew")
    assert crew.type == type_
