"""The city that the demo tells of: each consumer meets what its stewards wrote."""

from __future__ import annotations

import functools

import pytest
from small_city import DESK, DISPATCH, EXAMPLE_CITY, LAB, OPS, TRUST_DOMAIN, ask, masks

from exchange.audit.index.schema import COLUMNS
from exchange.model.dataset import Column, Dataset
from exchange.policy.bundle import Bundle, load
from exchange.policy.facts import Outcome
from exchange.policy.files.tree import read_tree

INTEGERS = """year month day dep_time sched_dep_time dep_delay arr_time sched_arr_time arr_delay flight
    air_time distance hour minute"""
TYPES = {
    **dict.fromkeys(INTEGERS.split(), "int64"),
    **dict.fromkeys(["carrier", "tailnum", "origin", "dest"], "string"),
    "time_hour": "timestamp[us]",
}
FLIGHTS = Dataset(
    id="port.flights",
    title="flights",
    columns=tuple(Column(name=name, type=kind) for name, kind in TYPES.items()),
)


@functools.cache
def _city() -> Bundle:
    return load(read_tree(EXAMPLE_CITY), 1, {"port.flights": FLIGHTS})


def _asked(who: str, purpose: str, *, state: str = "normal") -> Outcome:
    return ask(_city(), who, purpose=purpose, schema=FLIGHTS, state=state)


def test_emergency_sees_disrupted_flights_with_pseudonymous_tails() -> None:
    found = masks(_asked(DISPATCH, "emergency-response"))
    assert found["tailnum"] == "pseudonym"
    assert found["carrier"] == "redact"
    assert not {"flight", "air_time", "dep_time", "arr_time"} & found.keys()


def test_an_emergency_widens_what_responders_see() -> None:
    assert {"dep_time", "arr_time"} <= masks(_asked(DISPATCH, "emergency-response", state="emergency")).keys()


def test_research_sees_the_same_dataset_under_other_obligations() -> None:
    outcome = _asked(LAB, "transport-research")
    found = masks(outcome)
    assert found["time_hour"] == "truncate"
    assert found["dep_delay"] == "round"
    assert "day" not in found
    obligations = outcome.decision.obligations
    assert obligations is not None
    assert obligations.row_limit == 400_000
    assert len(obligations.windows) == 1


def test_the_owner_sees_everything_in_clear() -> None:
    assert masks(_asked(OPS, "stewardship")) == dict.fromkeys(TYPES, "")


@pytest.mark.parametrize(
    ("who", "purpose", "reason"),
    [
        (DESK, "press-inquiry", "no-grant"),
        (DISPATCH, "transport-research", "no-grant"),
        (LAB, "emergency-response", "no-grant"),
        (f"spiffe://emergency.{TRUST_DOMAIN}/steward/wang", "emergency-response", "condition-not-met"),
        (f"spiffe://port.{TRUST_DOMAIN}/steward/li", "stewardship", "no-grant"),
    ],
)
def test_everybody_else_is_refused(who: str, purpose: str, reason: str) -> None:
    decision = _asked(who, purpose).decision
    assert (decision.reason, decision.public_reason) == (reason, "not-granted")


def test_a_grant_by_mistake_opens_the_log_to_nobody() -> None:
    kinds = dict.fromkeys(COLUMNS, "string") | {"time": "timestamp[us, tz=UTC]"}
    columns = tuple(Column(name=name, type=kind) for name, kind in kinds.items())
    log = Dataset(id="audit.log", title="log", columns=columns)
    files = dict(read_tree(EXAMPLE_CITY))
    grants = "departments/audit/grants.csv"
    files[grants] += b"\np, department:port, audit.log, read, audit, allow\n"
    mistaken = load(files, 1, {"audit.log": log})
    outcome = ask(mistaken, OPS, purpose="audit", dataset=log.id, schema=log)
    assert (outcome.decision.allowed, outcome.decision.reason) == (False, "condition-not-met")
