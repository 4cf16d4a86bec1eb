"""Redeeming a ticket: the consumer's DoGet (step 9)."""

from __future__ import annotations

from typing import Any

import grpc
from pyarrow.flight import Ticket

from exchange.wire.flight import path
from exchange.wire.status import REASON


def do_get(channel: grpc.Channel, ticket: bytes, *, timeout_s: float) -> Any:
    """The running call; iterating over it yields encoded FlightData and raises `grpc.RpcError`.

    Args:
        channel: to the connector that the ticket is for.
        ticket: opaque, as the broker gave it.
        timeout_s: for the stream as a whole.
    """
    call: Any = channel.unary_stream  # the stubs demand serialisers; without them gRPC hands bytes through
    return call(path("DoGet"))(Ticket(ticket).serialize(), timeout=timeout_s)


def is_answer(error: grpc.RpcError) -> bool:
    """Whether the other side spoke, as opposed to the connection failing under it."""
    metadata: Any = error.trailing_metadata()
    return any(key == REASON for key, _ in metadata or ())
