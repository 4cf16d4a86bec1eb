"""Step 3: declared purpose → grants gate → conditions gate → obligations → does the request fit."""

from __future__ import annotations

import pytest
from small_city import BASELINE_REGO, DESK, DISPATCH, GRANTS, LAB, OPS, REGO, ask, masks, small_city

from exchange.model.decision import Effect
from exchange.model.predicate import Compare


def test_a_granted_read_is_allowed_with_obligations_and_names_its_rules() -> None:
    outcome = ask(small_city(revision=7))
    decision = outcome.decision
    assert decision.allowed
    assert (decision.reason, decision.public_reason, decision.revision) == ("granted", "granted", 7)
    assert decision.rules == (
        "departments/port/grants.csv:2",
        "baseline/conditions.rego#allow",
        "baseline/obligations.toml#persons",
        "baseline/obligations.toml#secrets",
    )


def test_the_baseline_masks_and_withholds_what_no_grant_mentions() -> None:
    assert masks(ask(small_city())) == {
        "origin": "",
        "dest": "",
        "tailnum": "pseudonym",
        "delay": "",
        "at": "",
    }


def test_an_owner_is_spared_only_where_the_baseline_says_so() -> None:
    found = masks(ask(small_city(), OPS, purpose="stewardship"))
    assert found["tailnum"] == ""
    assert "crew" not in found


@pytest.mark.parametrize(
    ("subject", "purpose", "reason"),
    [
        (DESK, "emergency-response", "no-grant"),
        (DISPATCH, "transport-research", "no-grant"),
        (LAB, "emergency-response", "no-grant"),
        (DISPATCH, "fishing", "purpose-undeclared"),
    ],
)
def test_what_was_not_granted_is_denied(subject: str, purpose: str, reason: str) -> None:
    decision = ask(small_city(), subject, purpose=purpose).decision
    assert (decision.effect, decision.reason, decision.public_reason) == (Effect.DENY, reason, "not-granted")
    assert decision.obligations is None
    assert decision.message == ""


def test_one_denying_line_overrides_every_allowing_one() -> None:
    grants = f"""
p, role:first-responder, port.flights, read, emergency-response, allow
p, {DISPATCH}, port.flights, read, emergency-response, deny
"""
    decision = ask(small_city({GRANTS: grants})).decision
    assert decision.reason == "grant-denied"
    assert decision.rules == ("departments/port/grants.csv:3",)


def test_both_gates_must_open() -> None:
    shut = small_city({BASELINE_REGO: 'package exchange.baseline\nallow if input.state == "emergency"\n'})
    assert ask(shut).decision.reason == "condition-not-met"
    assert ask(shut, state="emergency").decision.allowed


def test_a_departments_module_must_allow_as_well() -> None:
    bundle = small_city(
        {REGO: 'package exchange.departments.port\nallow if input.purpose == "stewardship"\n'}
    )
    assert ask(bundle).decision.reason == "condition-not-met"
    assert ask(bundle, OPS, purpose="stewardship").decision.allowed


def test_a_condition_denies_by_code() -> None:
    module = """package exchange.departments.port
allow if true
deny contains "too-late" if input.state == "normal"
"""
    decision = ask(small_city({REGO: module})).decision
    assert decision.reason == "condition-denied"
    assert "departments/port/conditions.rego#deny:too-late" in decision.rules


def test_an_undeclared_operating_state_is_no_state_to_decide_in() -> None:
    assert ask(small_city(), state="carnival").decision.reason == "state-undeclared"


def test_requested_columns_come_in_the_order_asked_for() -> None:
    assert list(masks(ask(small_city(), columns=("delay", "origin")))) == ["delay", "origin"]


def test_the_predicate_is_bound_and_its_columns_follow_the_requested_ones() -> None:
    outcome = ask(small_city(), columns=("origin",), where="delay > 60 AND tailnum = 'x'")
    assert list(masks(outcome)) == ["origin", "tailnum", "delay"]
    assert masks(outcome)["tailnum"] == "pseudonym"


def test_a_predicate_on_a_pseudonym_is_text_whatever_the_raw_column_was() -> None:
    assert ask(small_city(), where="tailnum = 'abc'").where == Compare(column="tailnum", op="=", value="abc")


@pytest.mark.parametrize("column", ["crew", "added_yesterday", "no_such_column"])
def test_hidden_unclassified_and_missing_columns_answer_alike(column: str) -> None:
    by_name = ask(small_city(), columns=(column,)).decision
    assert by_name.public_reason == by_name.reason == "column-unknown"
    assert by_name.message == f"unknown column {column!r}; you may read origin, dest, tailnum, delay, at"
    by_predicate = ask(small_city(), where=f"{column} = 'x'").decision
    assert by_predicate.public_reason == "predicate-invalid"
    assert by_predicate.message.startswith(f"unknown column {column!r} in the predicate; you may read origin")


@pytest.mark.parametrize("where", ["delay >", "delay = 'late'", "sleep(10) = 1", "at > 'yesterday'"])
def test_a_predicate_that_means_nothing_is_denied_with_a_text(where: str) -> None:
    decision = ask(small_city(), where=where).decision
    assert decision.public_reason == "predicate-invalid"
    assert decision.message
    assert "you may read" not in decision.message


def test_a_malformed_predicate_without_a_grant_learns_nothing() -> None:
    decision = ask(small_city(), DESK, where="delay >", columns=("crew",)).decision
    assert (decision.public_reason, decision.message) == ("not-granted", "")


def test_a_column_asked_for_twice_is_refused() -> None:
    assert ask(small_city(), columns=("dest", "dest")).decision.reason == "column-unknown"


def test_the_smaller_row_limit_holds() -> None:
    obligations = ask(small_city(), row_limit=5).decision.obligations
    assert obligations is not None
    assert obligations.row_limit == 5


def test_a_granted_dataset_that_nobody_serves_says_so_only_to_who_may_know_it() -> None:
    granted = ask(small_city(), schema=None).decision
    assert (granted.reason, granted.public_reason) == ("dataset-unregistered", "connector-unavailable")
    assert ask(small_city(), DESK, schema=None).decision.public_reason == "not-granted"
