"""A decision is the same with everything remembered as with nothing remembered, whatever was asked before."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import small_city
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.audit.records import kinds
from exchange.broker import columns, understand
from exchange.model import predicate_sql
from exchange.model.dataset import Column, Dataset
from exchange.model.kept import Kept
from exchange.model.subject import Kind, Subject, spiffe_id
from exchange.policy import combined, fit
from exchange.policy.bundle import Bundle
from exchange.policy.engines import rego_answer
from exchange.policy.engines.casbin_gate import CasbinGate
from exchange.policy.engines.rego_gate import RegoGate
from exchange.policy.facts import Outcome

REGO = """package exchange.departments.port

allow if input.purpose == "emergency-response"

allow if {
	input.purpose == "transport-research"
	input.state == "normal"
}

allow if input.subject.department == "port"

deny contains "early" if input.time < "2026-06-01T06"

obligations contains {"id": "calm", "mask": {"dest": {"kind": "redact"}}} if input.state == "normal"

obligations contains {"id": "few", "row_limit": 7} if "origin" in input.columns

obligations contains {"id": "mine", "rows": concat("", ["origin = '", input.subject.department, "'"])} if {
	"researcher" in input.subject.roles
}
"""
DATED = """[[obligation]]
id = "summer"
datasets = ["port.flights"]
purposes = ["emergency-response"]
valid_from = 2026-01-01T00:00:00Z
valid_until = 2026-06-01T18:00:00Z
row_limit = 3
"""
CITIES: tuple[dict[str, str], ...] = (
    {},
    {small_city.REGO: REGO},
    {small_city.REGO: REGO.replace('"redact"', '"null"'), small_city.OBLIGATIONS: DATED},
    {small_city.GRANTS: small_city.FILES[small_city.GRANTS].replace("allow", "deny", 1)},
    {
        small_city.OBLIGATIONS: small_city.obligation(
            'rows = "delay > 3"\nmask_tag = { person-identifier = { kind = "null" } }'
        )
    },
)


def registered(*changed: Column, without: str = "") -> Dataset:
    """The flights as another connector might have registered them: columns replaced, one left out."""
    new = {column.name: column for column in changed}
    kept = [column for column in small_city.FLIGHTS.columns if column.name != without]
    return Dataset(id="port.flights", title="x", columns=tuple(new.get(one.name, one) for one in kept))


REGISTERED = (
    small_city.FLIGHTS,
    registered(),
    registered(without="dest"),
    registered(Column(name="delay", type="string"), Column(name="at", type="int64")),
    None,
)
PLACES = (
    ("emergency", "dispatch"),
    ("research", "lab"),
    ("research", "other"),
    ("port", "ops"),
    ("press", "desk"),
)
SUBJECTS = [
    *(Subject.parse(spiffe_id(small_city.TRUST_DOMAIN, *place, name), small_city.TRUST_DOMAIN)
      for *place, name in ((department, Kind.SYSTEM, name) for department, name in PLACES)),
    Subject.parse(spiffe_id(small_city.TRUST_DOMAIN, "port", Kind.STEWARD, "ops"), small_city.TRUST_DOMAIN),
]  # fmt: skip
QUESTIONS = st.fixed_dictionaries(
    {
        "city": st.integers(0, len(CITIES) - 1),
        "subject": st.sampled_from(SUBJECTS),
        "purpose": st.sampled_from(["emergency-response", "transport-research", "stewardship", "nothing"]),
        "schema": st.sampled_from(REGISTERED),
        "columns": st.sampled_from(
            [(), ("origin",), ("dest", "origin"), ("crew",), ("tailnum", "delay"), ("x",)]
        ),
        "where": st.sampled_from(
            ["", "delay > 3", "delay = 'a'", "tailnum = 'a'", "dest = 'a'", "crew = 'a'", "("]
        ),
        "row_limit": st.sampled_from([None, 1, 5, 1000]),
        "now": st.sampled_from([small_city.NOON + dt.timedelta(hours=hours) for hours in (-9, 0, 3, 9)]),
        "state": st.sampled_from(["normal", "emergency", "unheard-of"]),
    }
)
REMEMBERING = [small_city.small_city(changes, number + 1) for number, changes in enumerate(CITIES)]


class _Nothing(dict[Any, Any]):
    """A memory that keeps nothing."""

    def __setitem__(self, key: object, value: object) -> None:
        """Forget it."""


def forgetful(bundle: Bundle) -> Bundle:
    """The bundle, none of whose gates remembers anything."""
    assert isinstance(bundle.grants, CasbinGate)
    assert isinstance(bundle.conditions, RegoGate)
    bundle.grants._answers = _Nothing()
    for speakers, _ in (bundle.conditions._city, *bundle.conditions._departments.values()):
        for speaker in speakers:
            speaker._said = Kept(0)
    return bundle


FORGETFUL = [forgetful(small_city.small_city(changes, number + 1)) for number, changes in enumerate(CITIES)]


@contextmanager
def nothing_remembered() -> Iterator[None]:
    with (
        patch.object(fit, "_KEPT", Kept(0)),
        patch.object(combined, "_KEPT", Kept(0)),
        patch.object(columns, "_KEPT", Kept(0)),
        patch.object(predicate_sql, "_kept", predicate_sql._parse),
        patch.object(rego_answer, "_kept_demand", rego_answer._demand),
        patch.object(kinds, "_of_few", kinds._of_names),
        patch.object(understand, "_well_formed", understand._well_formed.__wrapped__),
    ):
        yield


def told(outcome: Outcome, schema: Dataset | None) -> tuple[object, ...]:
    """All that an answer and its record are made of."""
    obligations = outcome.decision.obligations
    if obligations is None or schema is None:
        return outcome, None, None
    names = tuple(rule.name for rule in obligations.columns if rule.delivered)
    return outcome, columns.governed_columns(obligations, schema), kinds.columns_of(names)


@settings(max_examples=120, deadline=None)
@given(st.lists(QUESTIONS, min_size=2, max_size=10))
def test_a_decision_does_not_depend_on_what_was_asked_before(questions: list[dict[str, Any]]) -> None:
    for question in questions:
        city, who = question["city"], question["subject"]
        asked = {name: value for name, value in question.items() if name not in {"city", "subject"}}
        answer = told(small_city.ask(REMEMBERING[city], who, **asked), asked["schema"])
        with nothing_remembered():
            assert answer == told(small_city.ask(FORGETFUL[city], who, **asked), asked["schema"])


def test_the_questions_are_answered_in_every_way() -> None:
    """A property of refusals alone would say little."""
    reasons = {
        small_city.ask(
            bundle, who, purpose=purpose, columns=columns_, where=where, schema=schema, now=now, state=state
        ).decision.reason
        for bundle in FORGETFUL
        for who in SUBJECTS
        for purpose in ("emergency-response", "transport-research", "stewardship")
        for columns_, where in (((), ""), (("x",), ""), ((), "delay = 'a'"))
        for schema in REGISTERED
        for state in ("normal", "emergency")
        for now in (
            small_city.NOON,
            small_city.NOON + dt.timedelta(hours=9),
            small_city.NOON - dt.timedelta(hours=9),
        )
    }
    assert reasons >= {"granted", "no-grant", "grant-denied", "condition-denied", "condition-not-met"}
    assert reasons >= {
        "column-unknown",
        "predicate-invalid",
        "obligation-impossible",
        "obligation-not-in-force",
    }
    assert "dataset-unregistered" in reasons
