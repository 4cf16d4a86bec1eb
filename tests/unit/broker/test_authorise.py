"""The front door, steps 2 to 5: one success, and for each refusal no ticket and a record."""

from __future__ import annotations

import pytest
import small_city
from broker_house import House

from exchange.errors import AccessRefused, ColumnUnknown, PredicateInvalid, RequestInvalid
from exchange.model.subject import Kind


def test_granted_request_yields_a_ticket_bound_to_subject_connector_schema_and_record(house: House) -> None:
    grant = house.ask(columns=("origin", "tailnum"), where="delay > 60")
    ticket = house.ticket(grant)
    assert ticket.subject == small_city.DISPATCH
    assert (ticket.audience, ticket.dataset) == ("port", "port.flights")
    assert ticket.schema_digest == small_city.FLIGHTS.schema_digest
    assert [rule.name for rule in ticket.obligations.columns] == ["origin", "tailnum", "delay"]
    (record,) = house.records("decision", id=grant.id)
    assert record["index"] == ticket.audit_index == grant.audit_index
    assert (record["decision"], record["reason"], record["revision"]) == ("allow", "granted", 1)
    assert record["state"] == house.settings.operating_state == "normal"
    assert record["trace"] == grant.trace_id


def test_grant_names_the_connector_and_the_columns_after_masks(house: House) -> None:
    grant = house.ask(columns=("delay", "tailnum"))
    assert [(offer.location, offer.department) for offer in grant.offers] == [("127.0.0.1:7501", "port")]
    assert [(column.name, column.type) for column in grant.columns] == [
        ("delay", "double"),
        ("tailnum", "string"),
    ]


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"dataset": "port.nothing"}, "dataset-unknown"),
        ({"purpose": "transport-research"}, "no-grant"),
        ({"purpose": "no-such-purpose"}, "purpose-undeclared"),
    ],
)
def test_what_is_not_granted_gets_no_ticket_and_a_record(
    house: House, asked: dict[str, str], reason: str
) -> None:
    with pytest.raises(AccessRefused) as caught:
        house.ask(**asked)
    assert caught.value.stable_reason == "not-granted"
    record = house.denial(caught.value.id)
    assert (record["reason"], record["public_reason"]) == (reason, "not-granted")
    assert record["state"] == "normal"
    assert house.tickets_issued() == 0


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"columns": ("crew",)}, ColumnUnknown),
        ({"columns": ("no_such",)}, ColumnUnknown),
        ({"where": "delay >"}, PredicateInvalid),
        ({"where": "delay = 'late'"}, PredicateInvalid),
    ],
)
def test_who_holds_a_grant_learns_what_is_wrong_with_the_question(
    house: House, asked: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error) as caught:
        house.ask(**asked)
    assert isinstance(caught.value, RequestInvalid)
    assert house.denial(caught.value.id)["reason"] == caught.value.stable_reason
    assert house.tickets_issued() == 0


@pytest.mark.parametrize(
    "asked",
    [
        {"dataset": "../port.flights"},
        {"dataset": "port.flights\n"},
        {"purpose": ""},
        {"purpose": "emergency response"},
        {"trace_id": "not-a-trace"},
        {"where": "x" * 20_000},
    ],
)
def test_malformed_question_is_refused_and_recorded_without_its_text(
    house: House, asked: dict[str, str]
) -> None:
    with pytest.raises(RequestInvalid) as caught:
        house.ask(**asked)
    record = house.denial(caught.value.id)
    assert (record["reason"], record["state"]) == ("request-invalid", "")
    ((_, text),) = asked.items()
    assert text == "" or text not in str(record)
    assert house.tickets_issued() == 0


def test_predicate_stands_in_the_log_as_shape_and_commitment_only(house: House) -> None:
    grant = house.ask(where="tailnum = 'N14228'")
    (record,) = house.records("decision", id=grant.id)
    assert record["predicate"] == '"tailnum" = ?'
    assert len(record["commitment"]) == 64
    assert "N14228" not in str(house.records())


@pytest.mark.parametrize("kind", [Kind.CONNECTOR, Kind.STEWARD])
def test_only_systems_may_ask_for_access(house: House, kind: Kind) -> None:
    other = house.channel(house.actor("port", kind))
    with pytest.raises(AccessRefused) as caught:
        house.ask(other)
    assert caught.value.stable_reason == "call-refused"
    (record,) = house.records("administration", id=caught.value.id)
    assert (record["call"], record["outcome"]) == ("exchange.v1.AccessService/RequestAccess", "refused")
    assert house.tickets_issued() == 0


def test_ticket_lives_no_longer_than_its_limit(house: House) -> None:
    ticket = house.ticket(house.ask())
    assert ticket.expires_at - ticket.issued_at == 60
    assert ticket.stream_until - ticket.issued_at == 3600
