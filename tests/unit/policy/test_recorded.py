"""Requests as the log recorded them: replayed against a change, and a past decision explained."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from small_city import (
    DISPATCH,
    FLIGHTS,
    GRANTS,
    LAB,
    NOON,
    OBLIGATIONS,
    REGO,
    TRUST_DOMAIN,
    files,
    obligation,
)

from exchange.errors import RequestInvalid
from exchange.policy.bundle import load
from exchange.policy.questions.assumed import Schemas
from exchange.policy.questions.difference import Part, Way
from exchange.policy.questions.explain import explain
from exchange.policy.questions.grouping import statements
from exchange.policy.questions.matrix import Asker
from exchange.policy.questions.past import replay
from exchange.policy.questions.recorded import recorded
from exchange.policy.questions.simulate import Shift, over_recorded

ALL = ("origin", "dest", "tailnum", "delay", "at")


def _record(**changes: Any) -> dict[str, Any]:
    columns = changes.pop("columns", ALL)
    return {
        "kind": "decision",
        "action": "read",
        "subject": DISPATCH,
        "dataset": "port.flights",
        "purpose": "emergency-response",
        "columns": list(columns),
        "columns_count": len(columns),
        "predicate": "",
        "decision": "allow",
        "reason": "granted",
        "rules": [],
        "revision": 1,
        "state": "normal",
        "time": "2026-06-01T12:00:00.000000Z",
        **changes,
    }


def _asker(changes: dict[str, str]) -> Asker:
    bundle = load(files(changes), 1)
    return Asker(bundle, Schemas(bundle, {"port.flights": FLIGHTS}), NOON)


def _shifts(changes: dict[str, str], *records: dict[str, Any]) -> Iterator[Shift]:
    yield from over_recorded(_asker({}), _asker(changes), recorded(records, TRUST_DOMAIN))


def test_equal_requests_are_counted_once_and_strangers_not_at_all() -> None:
    found = recorded(
        [_record(), _record(time="2026-07-01T00:00:00.000000Z"), _record(dataset="~ab12"), {"kind": "start"}],
        TRUST_DOMAIN,
    )
    assert list(found.values()) == [2]


def test_a_request_for_all_columns_stays_one_when_a_column_goes() -> None:
    withhold = obligation('columns = { withhold = ["dest"] }')
    (one,) = statements(_shifts({OBLIGATIONS: withhold}, _record(), _record()))
    assert [(change.part, change.way, change.column) for change in one.changes] == [
        (Part.COLUMN, Way.NARROWER, "dest")
    ]
    assert (one.requests, one.states, one.wider) == (2, ("normal",), False)


def test_a_request_that_names_the_column_that_goes_will_be_refused() -> None:
    withhold = obligation('columns = { withhold = ["dest"] }')
    (one,) = statements(_shifts({OBLIGATIONS: withhold}, _record(columns=("origin", "dest"))))
    assert [(change.part, change.after) for change in one.changes] == [
        (Part.ACCESS, "refused (column-unknown)")
    ]


def test_a_request_whose_predicate_reads_the_column_that_goes_will_be_refused() -> None:
    withhold = obligation('columns = { withhold = ["dest"] }')
    shape = '("dest" = ?) AND ("origin" = ?)'
    (one,) = statements(_shifts({OBLIGATIONS: withhold}, _record(columns=("origin",), predicate=shape)))
    assert [change.after for change in one.changes] == ["refused (predicate reads dest)"]


def test_a_refused_request_that_will_be_granted_widens() -> None:
    grants = f"p, {LAB}, port.flights, read, emergency-response, allow\n"
    refused = _record(subject=LAB, columns=(), decision="deny", reason="no-grant")
    (one,) = statements(_shifts({GRANTS: grants}, refused))
    assert (one.wider, one.subjects, one.requests) == (True, ("research/lab",), 1)


STATEFUL = {REGO: 'package exchange.departments.port\nallow if input.state == "emergency"\n'}


def test_a_past_decision_is_asked_again_in_the_state_it_names() -> None:
    rules = ["departments/port/grants.csv:2", "baseline/conditions.rego#allow"]
    tree = files(STATEFUL)
    bundle = load(tree, 7)
    asked = Asker(bundle, Schemas(bundle, {"port.flights": FLIGHTS}), NOON)
    denied = _record(
        decision="deny",
        reason="condition-not-met",
        rules=[rules[0], "departments/port/conditions.rego#allow"],
        columns=(),
        revision=7,
    )
    found = replay(denied, tree, bundle, {"port.flights": FLIGHTS})
    assert (found.agrees, found.world.asked.state, asked.now) == (True, "normal", found.world.asker.now)
    explained = explain(found.world)
    assert "while the city's state is emergency" in {turn.changes[0] for turn in explained.turns}
    other = replay({**denied, "state": "emergency"}, tree, bundle, {"port.flights": FLIGHTS})
    assert (other.agrees, other.world.asked.state) == (False, "emergency")


def test_a_request_meets_a_change_only_in_the_state_it_was_made_in() -> None:
    calm, alarm = _record(), _record(state="emergency")
    (one,) = statements(_shifts(STATEFUL, calm, alarm, calm))
    assert (one.states, one.requests, one.narrower) == (("normal",), 2, True)


def test_requests_of_several_states_are_each_counted() -> None:
    withhold = obligation('columns = { withhold = ["dest"] }')
    (one,) = statements(_shifts({OBLIGATIONS: withhold}, _record(), _record(state="emergency")))
    assert (one.states, one.requests) == (("emergency", "normal"), 2)


def test_a_state_that_is_not_declared_is_refused_by_old_and_new_alike() -> None:
    withhold = obligation('columns = { withhold = ["dest"] }')
    assert not list(_shifts({OBLIGATIONS: withhold}, _record(state="eclipse")))
    tree = files()
    found = replay(_record(state="eclipse"), tree, load(tree, 1), {"port.flights": FLIGHTS})
    assert (found.agrees, found.world.outcome().decision.reason) == (False, "state-undeclared")


def test_what_was_malformed_and_never_judged_is_no_request() -> None:
    tree = files()
    assert not recorded([_record(state="")], TRUST_DOMAIN)
    with pytest.raises(RequestInvalid, match="no read that a policy could answer"):
        replay(_record(state=""), tree, load(tree, 1), {})


def test_a_decision_that_policy_did_not_make_is_told_as_such() -> None:
    tree = files()
    found = replay(
        _record(decision="deny", reason="limit-exhausted"), tree, load(tree, 1), {"port.flights": FLIGHTS}
    )
    assert not found.agrees
    assert any("the broker itself refused" in note for note in found.notes)


def test_the_literals_of_a_predicate_are_not_in_the_log_and_the_note_says_so() -> None:
    tree = files()
    found = replay(_record(predicate='"dest" = ?'), tree, load(tree, 1), {})
    assert any("no literals" in note for note in found.notes)


def test_a_record_of_no_proper_question_cannot_be_asked_again() -> None:
    tree = files()
    with pytest.raises(RequestInvalid):
        replay(_record(dataset="~"), tree, load(tree, 1), {})
