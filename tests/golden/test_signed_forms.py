"""The bytes that are signed never change unnoticed: a ticket's token, a statement's canonical text."""

from __future__ import annotations

from pathlib import Path

from tickets_made import SIGNER, TICKET

from exchange.model.canonical import canonical
from exchange.model.receipt import End, Outcome, Received, Refusal, Start
from exchange.security.signing import PREFIX

GOLDEN = Path(__file__).parent / "statements.jsonl"
TOKEN = (
    b"v4.public.eyJ2ZXJzaW9uIjoxLCJpZCI6IjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVmIiwic3Viam"
    b"VjdCI6InNwaWZmZTovL2VtZXJnZW5jeS56aG9uZ3NodWkuZXhhbXBsZS9zeXN0ZW0vZGlzcGF0Y2giLCJhdWRpZW"
    b"5jZSI6InBvcnQiLCJkYXRhc2V0IjoicG9ydC5mbGlnaHRzIiwic2NoZW1hX2RpZ2VzdCI6ImFiYWJhYmFiYWJhYm"
    b"FiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWIiLCJwdXJwb3NlIjoiZW"
    b"1lcmdlbmN5LXJlc3BvbnNlIiwib2JsaWdhdGlvbnMiOnsidmVyc2lvbiI6MSwiY29sdW1ucyI6W3sibmFtZSI6Im"
    b"9yaWdpbiIsIm1hc2siOm51bGx9LHsibmFtZSI6IuWwvuWPtyIsIm1hc2siOnsia2luZCI6InBzZXVkb255bSIsIn"
    b"Njb3BlIjoiZW1lcmdlbmN5In19XSwicm93X2ZpbHRlciI6bnVsbCwicm93X2xpbWl0IjoxMDAwLCJ3aW5kb3dzIj"
    b"pbeyJyb3dzX21heCI6MTAwMDAsInNlY29uZHMiOjM2MDB9XX0sIndoZXJlIjpudWxsLCJyZXZpc2lvbiI6NywiYX"
    b"VkaXRfaW5kZXgiOjQxLCJpc3N1ZWRfYXQiOjE3MDAwMDAwMDAsImV4cGlyZXNfYXQiOjE3MDAwMDAwNjAsInN0cm"
    b"VhbV91bnRpbCI6MTcwMDAwMzYwMCwidHJhY2VfaWQiOiJmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZi"
    b"J91J3ycqqfR6ubsURMx-OwxNw_IPIeXy6jA1H0quwX8QH8QAX3lpiHQMRDvdd-qZZkTIZC1I3A2FASWjzC4URWAA"
    b".azQucGlkLm9GazRVdVVJLWZudXlVbXJNaGdENVRnQ1JrbVRLSERkbTI2dlMxWE5fN3FD"
)


def test_a_ticket_with_a_fixed_key_is_this_token() -> None:
    """Ed25519 is deterministic; a connector of an older version must admit what a newer broker signs."""
    assert SIGNER.key_id == "k4.pid.oFk4UuUI-fnuyUmrMhgD5TgCRkmTKHDdm26vS1XN_7qC"
    assert SIGNER.sign(TICKET) == TOKEN


def test_the_statements_are_these_bytes() -> None:
    ticket, connector = "0123456789abcdef0123456789abcdef", "spiffe://port.zhongshui.example/connector"
    consumer = "spiffe://emergency.zhongshui.example/system/dispatch"
    start = Start(ticket=ticket, connector=connector, subject=consumer, dataset="port.flights", at_us=5)
    end = End(
        ticket=ticket,
        connector=connector,
        rows=3,
        bytes=200,
        batches=1,
        digest="cd" * 32,
        outcome=Outcome.COMPLETE,
        started_us=5,
        ended_us=9,
    )
    received = Received(
        ticket=ticket,
        consumer=consumer,
        rows=3,
        bytes=200,
        batches=1,
        digest="cd" * 32,
        outcome=Outcome.ABORTED,
        reason="港",
        at_us=9,
    )
    refusal = Refusal(
        ticket="", connector=connector, subject=consumer, call="DoGet", reason="ticket-expired", at_us=9
    )
    statements = [start, end, received, refusal]
    written = [canonical(each.model_dump(mode="json")) for each in statements]
    assert written == GOLDEN.read_bytes().splitlines()


def test_the_prefix_that_keeps_statements_apart() -> None:
    assert PREFIX == b"exchange.v1.statement\n"
