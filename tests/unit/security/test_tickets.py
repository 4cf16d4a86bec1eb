from __future__ import annotations

import pytest
from tickets_made import ISSUED_AT, SIGNER, TICKET, VERIFIER

from exchange.errors import RequestInvalid
from exchange.model.obligation import ColumnRule, Obligations
from exchange.model.predicate import Compare, Scalar


@pytest.mark.parametrize(
    "value",
    [0, -1, 2**63 - 1, 2**70, True, 0.1, -0.0, 1.0, 1e308, 5e-324, "", "港务局", "😀\u200b\x00", '"}{'],
    ids=repr,
)
def test_whatever_a_consumer_compares_with_comes_back_as_it_was(value: Scalar) -> None:
    ticket = TICKET.model_copy(update={"where": Compare(column="尾号", op="=", value=value)})
    admitted = VERIFIER.verify(SIGNER.sign(ticket), ISSUED_AT)
    assert admitted == ticket
    assert isinstance(admitted.where, Compare)
    assert type(admitted.where.value) is type(value)


@pytest.mark.parametrize("value", [float("inf"), float("nan"), "\ud800"], ids=ascii)
def test_what_json_cannot_carry_is_refused_when_it_is_signed(value: Scalar) -> None:
    with pytest.raises(RequestInvalid, match="cannot carry"):
        SIGNER.sign(TICKET.model_copy(update={"where": Compare(column="a", op="=", value=value)}))


def test_a_ticket_too_large_to_be_admitted_is_not_signed() -> None:
    columns = tuple(ColumnRule(name=f"column-{number:06}" + "x" * 100) for number in range(3000))
    with pytest.raises(RequestInvalid, match="too large"):
        SIGNER.sign(TICKET.model_copy(update={"obligations": Obligations(columns=columns)}))


def test_the_key_id_is_a_hash_of_the_public_key() -> None:
    assert SIGNER.key_id.startswith("k4.pid.")
    assert len(SIGNER.public_key_bytes) == 32
