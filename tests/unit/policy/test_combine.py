"""Demands meet: columns intersect, row filters join, the strictest mask acts, every limit holds."""

from __future__ import annotations

import datetime as dt

import pytest
from small_city import DATASETS, FILES, GRANTS, NOON, OBLIGATIONS, REGO, ask, masks, obligation, small_city

from exchange.model.obligation import Mask, Nullify, Partial, Pseudonym, Redact, Round, Truncate
from exchange.model.predicate_sql import render
from exchange.policy.combine import strictest


@pytest.mark.parametrize(
    ("given", "acts"),
    [
        ([], None),
        ([Round(step=5)], Round(step=5)),
        ([Partial(first=1), Redact(), Pseudonym(scope="a")], Redact()),
        ([Nullify(), Redact()], Nullify()),
        ([Truncate(unit="day"), Truncate(unit="day")], Truncate(unit="day")),
        ([Truncate(unit="day"), Truncate(unit="year")], Nullify()),
        ([Redact(text="a"), Redact(text="b"), Partial()], Nullify()),
    ],
)
def test_the_strictest_mask_acts(given: list[Mask], acts: Mask | None) -> None:
    assert strictest(given) == acts
    assert strictest(given[::-1]) == acts


def test_columns_intersect_and_row_filters_join_and_limits_shrink() -> None:
    rules = """
[[obligation]]
id = "a"
datasets = ["port.flights"]
rows = "delay > 30"
columns = { allow = ["origin", "tailnum", "delay"] }
row_limit = 10
windows = [{ rows_max = 100, seconds = 60 }]
[[obligation]]
id = "b"
datasets = ["port.flights"]
rows = "origin = 'JFK'"
columns = { withhold = ["delay"] }
row_limit = 20
windows = [{ rows_max = 900, seconds = 86400 }]
"""
    outcome = ask(small_city({OBLIGATIONS: rules}))
    obligations = outcome.decision.obligations
    assert list(masks(outcome)) == ["origin", "tailnum"]
    assert obligations is not None
    assert obligations.row_filter is not None
    assert render(obligations.row_filter) == '("delay" > 30) AND ("origin" = \'JFK\')'
    assert obligations.row_limit == 10
    assert [(window.rows_max, window.seconds) for window in obligations.windows] == [(100, 60), (900, 86400)]


def test_a_department_cannot_loosen_the_citys_mask() -> None:
    weaker = obligation('[obligation.mask]\ntailnum = { kind = "partial", first = 5 }')
    assert masks(ask(small_city({OBLIGATIONS: weaker})))["tailnum"] == "pseudonym"


def test_a_department_can_tighten_by_tag() -> None:
    tighter = obligation('[obligation.mask_tag]\nperson-identifier = { kind = "null" }')
    assert masks(ask(small_city({OBLIGATIONS: tighter})))["tailnum"] == "null"


def test_a_group_stands_for_its_datasets_in_grants_and_obligations() -> None:
    grants = (
        "g2, port.flights, port.open\np, role:first-responder, port.open, read, emergency-response, allow\n"
    )
    rules = '[[obligation]]\nid = "x"\ndatasets = ["port.open"]\ncolumns = { allow = ["dest"] }\n'
    assert list(masks(ask(small_city({GRANTS: grants, OBLIGATIONS: rules})))) == ["dest"]


@pytest.mark.parametrize(
    "body",
    ['rows = "origin > 5"', 'mask = { delay = { kind = "truncate", unit = "day" } }'],
    ids=["rows", "mask"],
)
def test_a_rule_that_cannot_be_fulfilled_denies(body: str) -> None:
    decision = ask(small_city({OBLIGATIONS: obligation(body)})).decision
    assert (decision.reason, decision.public_reason) == ("obligation-impossible", "not-granted")


def test_nothing_left_to_deliver_denies() -> None:
    rule = obligation('columns = { withhold = ["origin", "dest", "tailnum", "delay", "at"] }')
    assert ask(small_city({OBLIGATIONS: rule})).decision.reason == "obligation-impossible"


def test_a_condition_adds_obligations_of_the_same_form() -> None:
    module = """package exchange.departments.port
allow if true
obligations contains {"id": "calm", "rows": "delay > 5", "columns": {"withhold": ["at"]}} if {
    input.state != "emergency"
}
"""
    bundle = small_city({REGO: module})
    assert "at" not in masks(ask(bundle))
    assert "departments/port/conditions.rego#calm" in ask(bundle).decision.rules
    assert "at" in masks(ask(bundle, state="emergency"))


@pytest.mark.parametrize(
    "demand",
    [
        '{"id": "x", "rows": "delay >"}',
        '{"id": "x", "columns": {"withold": ["at"]}}',
        '{"id": "x", "mask": {"at": {"kind": "blur"}}}',
        '{"rows": "delay > 5"}',
        '"withhold everything"',
    ],
)
def test_a_condition_that_demands_nonsense_denies(demand: str) -> None:
    module = f"package exchange.departments.port\nallow if true\nobligations contains {demand}\n"
    assert ask(small_city({REGO: module})).decision.reason == "condition-failed"


def test_a_condition_that_names_no_column_of_the_dataset_denies() -> None:
    module = """package exchange.departments.port
allow if true
obligations contains {"id": "x", "columns": {"withhold": ["tailnumber"]}}
"""
    assert ask(small_city({REGO: module})).decision.reason == "obligation-impossible"


class TestValidity:
    """An obligation only narrows, so one that is out of force may not simply fall away."""

    FIRST = '[[obligation]]\nid = "v1"\ndatasets = ["port.flights"]\nvalid_until = 2026-06-30T00:00:00Z\n'
    SECOND = (
        '[[obligation]]\nid = "v2"\nsucceeds = "v1"\ndatasets = ["port.flights"]\n'
        'valid_from = 2026-06-30T00:00:00Z\ncolumns = { withhold = ["at"] }\n'
    )
    JULY = NOON + dt.timedelta(days=30)

    def test_before_its_end_it_acts(self) -> None:
        assert (
            "departments/port/obligations.toml#v1"
            in ask(small_city({OBLIGATIONS: self.FIRST})).decision.rules
        )

    def test_after_its_end_what_it_covered_is_denied(self) -> None:
        decision = ask(small_city({OBLIGATIONS: self.FIRST}), now=self.JULY).decision
        assert decision.reason == "obligation-not-in-force"

    def test_a_successor_takes_over_without_a_gap(self) -> None:
        bundle = small_city({OBLIGATIONS: self.FIRST + self.SECOND})
        assert "at" in masks(ask(bundle))
        assert "at" not in masks(ask(bundle, now=self.JULY))

    def test_another_obligation_in_force_does_not_stand_in_for_it(self) -> None:
        bundle = small_city({OBLIGATIONS: self.FIRST + obligation("row_limit = 5")})
        assert ask(bundle, now=self.JULY).decision.reason == "obligation-not-in-force"


def test_the_source_decides_the_order_and_the_classification_what_is_there() -> None:
    reordered = FILES[DATASETS].replace('origin = { level = "public" }\n', "")
    assert list(masks(ask(small_city({DATASETS: reordered})))) == ["dest", "tailnum", "delay", "at"]
