"""T18 to T20: time, and claims this version does not know; signed properly, and refused all the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tickets_made import ISSUED_AT, SIGNER, TICKET, VERIFIER, forge

from exchange.errors import TicketRefused
from exchange.model.ticket import CLOCK_LEEWAY_S, STREAM_LIFETIME_S_MAX, TICKET_LIFETIME_S_MAX, Ticket


def _ticket(**changes: int) -> Ticket:
    return TICKET.model_copy(update=changes)


def _reason(token: bytes, now_s: float) -> str:
    with pytest.raises(TicketRefused) as refusal:
        VERIFIER.verify(token, now_s)
    return refusal.value.stable_reason


def test_t18_one_second_before_expiry_it_still_holds_so_single_use_must_be_remembered_till_then() -> None:
    assert VERIFIER.verify(SIGNER.sign(TICKET), TICKET.expires_at - 1) == TICKET


@pytest.mark.parametrize("late_s", [0, 0.001, 1, CLOCK_LEEWAY_S, 600])
def test_t18_from_its_expiry_on_it_is_refused_without_any_leeway(late_s: float) -> None:
    assert _reason(SIGNER.sign(TICKET), TICKET.expires_at + late_s) == "ticket-expired"


def test_t19_a_clock_within_the_leeway_is_forgiven() -> None:
    assert VERIFIER.verify(SIGNER.sign(TICKET), ISSUED_AT - CLOCK_LEEWAY_S) == TICKET


@pytest.mark.parametrize("early_s", [CLOCK_LEEWAY_S + 1, 600])
def test_t19_not_yet_valid_beyond_the_leeway(early_s: int) -> None:
    assert _reason(SIGNER.sign(TICKET), ISSUED_AT - early_s) == "ticket-not-yet-valid"


def test_t19_the_longest_lifetimes_are_admitted() -> None:
    longest = _ticket(
        expires_at=ISSUED_AT + TICKET_LIFETIME_S_MAX, stream_until=ISSUED_AT + STREAM_LIFETIME_S_MAX
    )
    assert VERIFIER.verify(SIGNER.sign(longest), ISSUED_AT) == longest


@pytest.mark.parametrize(
    "changes",
    [
        {"expires_at": ISSUED_AT + TICKET_LIFETIME_S_MAX + 1},
        {"expires_at": ISSUED_AT},
        {"expires_at": ISSUED_AT - 1},
        {"stream_until": ISSUED_AT + STREAM_LIFETIME_S_MAX + 1},
        {"stream_until": ISSUED_AT},
        {"issued_at": ISSUED_AT - TICKET_LIFETIME_S_MAX},
    ],
    ids=str,
)
def test_t19_a_lifetime_out_of_bounds(changes: dict[str, int]) -> None:
    assert _reason(SIGNER.sign(_ticket(**changes)), ISSUED_AT) == "ticket-lifetime"


def _claims() -> dict[str, Any]:
    claims = json.loads(TICKET.model_dump_json())
    assert isinstance(claims, dict)
    return claims


def _bytes(claims: Any) -> bytes:
    return json.dumps(claims, ensure_ascii=False, separators=(",", ":")).encode()


def test_the_untouched_claims_are_admitted() -> None:
    assert VERIFIER.verify(forge(_bytes(_claims())), ISSUED_AT) == TICKET


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("version",), 2),
        (("obligations", "version"), 2),
        (("obligations", "watermark"), {"kind": "watermark"}),
        (("obligations", "columns", 1, "mask", "kind"), "encrypt"),
        (("obligations", "columns", 1, "mask", "salt"), "x"),
        (("obligations", "columns"), []),
        (("obligations", "row_limit"), 0),
        (("obligations", "row_limit"), "1000"),
        (("obligations", "row_limit"), 1000.0),
        (("delegated_to",), "spiffe://press.zhongshui.example/system/desk"),
        (("where",), {"kind": "raw-sql", "text": "1=1"}),
        (("id",), "not-an-id"),
        (("expires_at",), None),
    ],
    ids=lambda part: ".".join(map(str, part)) if isinstance(part, tuple) else "",
)
def test_t20_one_unknown_thing_voids_the_whole_ticket(path: tuple[Any, ...], value: object) -> None:
    claims = _claims()
    place: Any = claims
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert _reason(forge(_bytes(claims)), ISSUED_AT) == "ticket-claims"


@pytest.mark.parametrize("path", ["obligations", "subject", "revision", "schema_digest"])
def test_t20_a_missing_claim_voids_the_whole_ticket(path: str) -> None:
    claims = _claims()
    del claims[path]
    assert _reason(forge(_bytes(claims)), ISSUED_AT) == "ticket-claims"


@pytest.mark.parametrize(
    "payload",
    [
        b"null",
        b"[]",
        b"{",
        b"\xff",
        b"[" * 100_000,
        _bytes(_claims())[:-1] + b',"audience":"port"}',
        json.dumps(_claims()).encode(),
    ],
    ids=["null", "array", "cut", "not unicode", "deep", "a key twice", "another spelling"],
)
def test_t20_claims_in_any_other_form_are_refused(payload: bytes) -> None:
    assert _reason(forge(payload), ISSUED_AT) == "ticket-claims"
