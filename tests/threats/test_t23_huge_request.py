"""T23: a 50 MB ticket, or a 50 MB action, fails alone; others are served."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest
from connector_house import ROWS, begin, open_house, read
from pyarrow.flight import Ticket

from exchange.model.ticket import TICKET_BYTES_MAX
from exchange.wire import flight

HUGE = bytes(50_000_000)


def test_t23_a_huge_ticket_fails_alone(tmp_path: Path) -> None:
    with open_house(tmp_path) as house, house.channel(house.dispatch()) as line:
        running = begin(line, house.token())
        next(running)
        got = read(line, HUGE)
        assert got.raw == []
        assert got.error is not None
        assert got.error.code in {"RESOURCE_EXHAUSTED", "INVALID_ARGUMENT"}
        house.until(lambda: ("refusal", "request-missing") in house.said())

        assert sum(1 for _ in running) >= 2
        assert read(line, house.token()).rows == ROWS


def test_t23_a_huge_action_fails_alone(tmp_path: Path) -> None:
    with open_house(tmp_path) as house, house.channel(house.dispatch()) as line:
        with pytest.raises(grpc.RpcError) as failed:
            list(line.unary_stream(flight.path("DoAction"))(HUGE, timeout=30))
        # Refused for what it is, before any of it is read.
        assert failed.value.code() is grpc.StatusCode.PERMISSION_DENIED
        assert house.said() == [("refusal", "not-served")]

        assert read(line, house.token()).rows == ROWS


def test_t23_a_ticket_just_above_the_limit_is_refused_unparsed_with_a_record(tmp_path: Path) -> None:
    with open_house(tmp_path) as house, house.channel(house.dispatch()) as line:
        got = read(line, b"v4.public." + b"A" * TICKET_BYTES_MAX)

        assert (got.raw, got.reason) == ([], "ticket-malformed")
        assert house.said() == [("refusal", "ticket-malformed")]
        assert len(Ticket(b"A" * TICKET_BYTES_MAX).serialize()) < 1 << 20
