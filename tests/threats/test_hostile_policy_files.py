"""T36 to T40: a steward's files that would hold up or end the broker are refused, quickly and with a place.

Every file here is one that a department may publish for itself; none may cost the others anything.
"""

from __future__ import annotations

import itertools

import pytest
from small_city import DATASETS, FILES, GRANTS, OBLIGATIONS, REGO, refusal

from exchange.errors import PredicateInvalid
from exchange.model.predicate_sql import parse
from exchange.policy.engines.rego_ast import OPERATORS_MAX, parse_module
from exchange.policy.engines.rego_functions import is_anchored
from exchange.policy.files.faults import Place
from exchange.policy.files.hierarchy import LINKS_TOTAL_MAX, Hierarchy, Link
from exchange.policy.files.rules import OBLIGATIONS_MAX

HEAD = "package exchange.departments.port\n"


@pytest.mark.parametrize(
    "body",
    [
        "allow if { x := " + " |\n ".join(["{1}"] * 6000) + "\n count(x) > 0 }",
        "allow if { x := " + "\n * ".join(["9"] * 6000) + "\n x > 0 }",
        "allow if { " + "1 in\n " * 6000 + "[1] }",
        "allow if { x := input.subject\n x" + ".a" * 300 + " }",
        "allow if { x := input.subject\n x" + "[0]" * 300 + " }",
        "allow if { x := " + "-\n" * 6000 + "1\n x > 0 }",
        "allow if { x := `\n` " + "+ `\n`" * 300 + " }",
    ],
    ids=["or", "product", "in", "fields", "indices", "minus", "raw text"],
)
def test_t30_a_chain_that_the_parser_would_labour_over_is_refused_before_it(body: str) -> None:
    assert f"more than {OPERATORS_MAX} operators" in refusal({REGO: f"{HEAD}{body}\n"})


def test_t30_many_statements_are_no_chain() -> None:
    lines = "\n".join(f'    input.purpose != "p{number}"; input.state == "normal"' for number in range(300))
    parse_module("f.rego", f"{HEAD}allow if {{\n{lines}\n}}\n")


def test_t30_a_thousand_rules_are_refused() -> None:
    rules = "\n".join(f"r{number} if r{number + 1}" for number in range(1000))
    assert "rules" in refusal({REGO: f"{HEAD}allow if r0\n{rules}\nr1000 := true\n"})


def test_t30_a_panic_of_the_engine_is_a_refusal() -> None:
    assert refusal({REGO: f'{HEAD}allow if strings.count("aaa", "") > 0\n'})


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "[" * 5000 + "]" * 5000,
        "x = " + "{a=" * 900 + "1" + "}" * 900,
        "x = " + "1" * 5000,
    ],
    ids=["brackets", "tables", "digits"],
)
@pytest.mark.parametrize("file", [DATASETS, OBLIGATIONS])
def test_t40_toml_that_no_reader_gets_through_is_refused_with_its_place(file: str, text: str) -> None:
    assert refusal({file: FILES.get(file, "") + "\n" + text + "\n"}).startswith(file)


def test_t29_groups_in_groups_cost_their_number_and_not_their_paths() -> None:
    levels, width = 9, 12
    links = [
        Link(f"port.l{level}-{lower}", f"port.l{level + 1}-{upper}", Place("grants.csv", 1))
        for level, lower, upper in itertools.product(range(levels - 1), range(width), range(width))
    ]
    hierarchy = Hierarchy(links)
    assert len(hierarchy.terms("port.l0-0")) == 1 + width * (levels - 1)


def test_t29_more_groups_than_anybody_needs_are_refused() -> None:
    lines = "".join(f"g2, port.flights, port.g{number}\n" for number in range(LINKS_TOTAL_MAX + 1))
    assert "belongs to whom" in refusal({GRANTS: FILES[GRANTS] + lines})


def test_t40_more_obligations_than_a_decision_can_weigh_are_refused() -> None:
    rules = "".join(
        f'[[obligation]]\nid = "o{number}"\ndatasets = ["port.flights"]\nrow_limit = 1\n'
        for number in range(OBLIGATIONS_MAX + 1)
    )
    assert "obligations" in refusal({OBLIGATIONS: rules})


@pytest.mark.parametrize(
    "pattern",
    [
        r"^\(a|b$",
        "^[(]a|b$",
        "^[^(]a|b$",
        "^[]()]a|b$",
        "^(?m)a$",
        "^(?m:a$)|(b$",
        "^a)|(b$",
        "^a\\$",
        "^[a$",
        "^(a$",
    ],
)
def test_t28_a_pattern_that_only_looks_anchored_is_refused(pattern: str) -> None:
    assert not is_anchored(pattern)


@pytest.mark.parametrize("pattern", ["^a$", "^(a|b)$", r"^a\|b$", "^[a|b(]$", "^(?:a|(b|c))$", r"^\[x\]$"])
def test_t28_an_anchored_pattern_is_taken(pattern: str) -> None:
    assert is_anchored(pattern)


@pytest.mark.parametrize(
    "where",
    [
        "a" + "::int" * 1500 + " = 1",
        "a" + ".a" * 4000 + " = 1",
        "x -> " * 1500 + "1",
        "a " + "IS NOT " * 1100 + "NULL",
        "a" + "->'b'" * 1500,
        "a = " + "9" * 5000,
        "a = ²",
        "(" * 96 + "a = 1" + ")" * 96,
        "NOT " * 2000 + "a = 1",
        "a = " + "[" * 20 + "1" + "]" * 20,
    ],
)
def test_t49_a_predicate_beyond_all_measure_is_invalid_and_nothing_else(where: str) -> None:
    with pytest.raises(PredicateInvalid):
        parse(where)


def test_t40_a_row_filter_beyond_all_measure_names_its_line() -> None:
    rule = '[[obligation]]\nid = "r"\ndatasets = ["port.flights"]\nrows = "a = ' + "9" * 5000 + '"\n'
    assert refusal({OBLIGATIONS: rule}).startswith(f"{OBLIGATIONS}:4")
