"""The catalogue shows exactly what a read would be allowed for."""

from __future__ import annotations

from small_city import (
    DESK,
    DISPATCH,
    FLIGHTS,
    GRANTS,
    LAB,
    NOON,
    OPS,
    REGO,
    TRUST_DOMAIN,
    ask,
    small_city,
)

from exchange.model.subject import Subject
from exchange.policy.bundle import Bundle
from exchange.policy.visible import VisibleDataset, visible

SCHEMAS = {"port.flights": FLIGHTS}


def _seen(
    bundle: Bundle, who: str, *, state: str = "normal", served: bool = True
) -> tuple[VisibleDataset, ...]:
    subject = Subject.parse(who, TRUST_DOMAIN)
    return visible(bundle, subject, SCHEMAS if served else {}, now=NOON, state=state)


def test_a_consumer_sees_its_dataset_as_it_would_meet_it() -> None:
    (entry,) = _seen(small_city(), DISPATCH)
    assert (entry.id, entry.title, entry.purposes) == ("port.flights", "航班", ("emergency-response",))
    assert (entry.sharing, entry.grade, entry.update_cycle) == ("conditional", "important", "daily")
    assert [(column.name, column.type) for column in entry.columns] == [
        ("origin", "string"),
        ("dest", "string"),
        ("tailnum", "string"),
        ("delay", "double"),
        ("at", "timestamp[us]"),
    ]


def test_whoever_has_no_grant_sees_nothing() -> None:
    assert _seen(small_city(), DESK) == ()


def test_a_grant_that_another_rule_denies_shows_nothing() -> None:
    grants = f"""
p, role:first-responder, port.flights, read, emergency-response, allow
p, {DISPATCH}, port.flights, read, emergency-response, deny
"""
    assert _seen(small_city({GRANTS: grants}), DISPATCH) == ()


def test_a_condition_hides_as_it_denies() -> None:
    bundle = small_city({REGO: 'package exchange.departments.port\nallow if input.state == "emergency"\n'})
    assert _seen(bundle, DISPATCH) == ()
    assert len(_seen(bundle, DISPATCH, state="emergency")) == 1


def test_a_condition_may_let_describe_what_cannot_be_read() -> None:
    bundle = small_city({REGO: 'package exchange.departments.port\nallow if input.action == "describe"\n'})
    assert len(_seen(bundle, DISPATCH)) == 1
    assert not ask(bundle).decision.allowed


def test_a_granted_dataset_that_nobody_serves_is_listed_without_columns() -> None:
    (entry,) = _seen(small_city(), DISPATCH, served=False)
    assert entry.columns == ()


def test_a_grant_to_a_group_shows_its_members() -> None:
    grants = "g2, port.flights, port.open\np, department:research, port.open, read, stewardship, allow\n"
    assert [entry.id for entry in _seen(small_city({GRANTS: grants}), LAB)] == ["port.flights"]
    assert _seen(small_city({GRANTS: grants}), OPS) == ()
