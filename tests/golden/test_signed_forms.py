"""The bytes that are signed never change unnoticed: a ticket's token, a statement's canonical text."""

from __future__ import annotations

from pathlib import Path

from tickets_made import SIGNER, TICKET

from exchange.model.canonical import canonical
from exchange.model.receipt import End, Outcome, Received, Refusal, Start
from exchange.security.signing import PREFIX

GOLDEN = Path(__file__).parent / "statements.jsonl"
TOKEN = (
    b"v4.public.eyJ2ZXJzaW9uIjoxLCJpZCI6IjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVmIiwic3Vi"
    b"amVjdCI6InNwaWZmZTovL2VtZXJnZW5jeS56aG9uZ3NodWkuZXhhbXBsZS9zeXN0ZW0vZGlzcGF0Y2giLCJhdW"
    b"RpZW5jZSI6InBvcnQiLCJkYXRhc2V0IjoicG9ydC5mbGlnaHRzIiwic2NoZW1hX2RpZ2VzdCI6ImFiYWJhYmFi"
    b"YWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWIiLCJwdXJwb3"
    b"NlIjoiZW1lcmdlbmN5LXJlc3BvbnNlIiwib2JsaWdhdGlvbnMiOnsidmVyc2lvbiI6MSwiY29sdW1ucyI6W3si"
    b"bmFtZSI6Im9yaWdpbiIsIm1hc2siOm51bGwsImRlbGl2ZXJlZCI6dHJ1ZX0seyJuYW1lIjoi5bC-5Y-3IiwibW"
    b"FzayI6eyJraW5kIjoicHNldWRvbnltIiwic2NvcGUiOiJlbWVyZ2VuY3kifSwiZGVsaXZlcmVkIjp0cnVlfV0s"
    b"InJvd19maWx0ZXIiOm51bGwsInJvd19saW1pdCI6MTAwMCwid2luZG93cyI6W3sicm93c19tYXgiOjEwMDAwLC"
    b"JzZWNvbmRzIjozNjAwfV19LCJ3aGVyZSI6bnVsbCwicmV2aXNpb24iOjcsImF1ZGl0X2luZGV4Ijo0MSwiaXNz"
    b"dWVkX2F0IjoxNzAwMDAwMDAwLCJleHBpcmVzX2F0IjoxNzAwMDAwMDYwLCJzdHJlYW1fdW50aWwiOjE3MDAwMD"
    b"M2MDAsInRyYWNlX2lkIjoiZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmYifRwlO8FrGvG5fkHMGqjt"
    b"564CfoGW2jxBbuLRzVTbeuKdF2jQhXU_spU_sDIrmnHtx2NhP1FoUqAgMqh_ss7UTAc.azQucGlkLm9GazRVdV"
    b"VJLWZudXlVbXJNaGdENVRnQ1JrbVRLSERkbTI2dlMxWE5fN3FD"
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
