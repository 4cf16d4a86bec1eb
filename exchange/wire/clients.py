"""A connector's calls to its broker: it registers (before step 1) and reports what happened (step 10)."""

from __future__ import annotations

from collections.abc import Sequence

import grpc

from exchange.errors import Unavailable
from exchange.model.base import Frozen
from exchange.model.dataset import Dataset
from exchange.model.receipt import Receipt
from exchange.model.ticket import Ticket
from exchange.v1 import catalogue_pb2, catalogue_pb2_grpc, receipts_pb2, receipts_pb2_grpc
from exchange.wire.catalogue import keys_from_wire, register_request
from exchange.wire.moments import timestamp
from exchange.wire.receipts import receipt_to_wire
from exchange.wire.status import error_of


class Registered(Frozen):
    """The broker's answer to a registration.

    Attributes:
        keys: key id to raw Ed25519 public key; tickets signed with another one are refused.
        silent_after_s: the connector is counted as silent when it has not called for this long.
    """

    keys: dict[str, bytes]
    silent_after_s: int


class Settled(Frozen):
    """A connector's word on tickets that were issued after `since_us` and expired before `until_us`.

    It has reported every one of them that it ever used, and will use no other. Unix microseconds on the
    broker's clock, which dated the tickets.
    """

    since_us: int
    until_us: int


class Beat(Frozen):
    """The broker's answer to a heartbeat: the ticket keys of now, and its clock in unix microseconds."""

    keys: dict[str, bytes]
    broker_time_us: int


def register(
    channel: grpc.Channel, location: str, datasets: tuple[Dataset, ...], *, timeout_s: float
) -> Registered:
    """Replace the connector's registration.

    Raises:
        ExchangeError: what the broker answered, typed.
    """
    try:
        answer = catalogue_pb2_grpc.ConnectorServiceStub(channel).Register(
            register_request(location, datasets), timeout=timeout_s
        )
    except grpc.RpcError as error:
        raise error_of(error, doing="registering with the broker") from None
    return Registered(keys=keys_from_wire(answer.keys), silent_after_s=answer.heartbeat_seconds)


def heartbeat(
    channel: grpc.Channel, location: str, settled: Settled | None = None, *, timeout_s: float
) -> Beat | None:
    """Keep the registration alive, and say which tickets are settled; None where a registration is asked for.

    Raises:
        ExchangeError: what the broker answered, typed.
    """
    try:
        answer = catalogue_pb2_grpc.ConnectorServiceStub(channel).Heartbeat(
            heartbeat_request(location, settled), timeout=timeout_s
        )
    except grpc.RpcError as error:
        if error.code() is grpc.StatusCode.NOT_FOUND:
            return None
        raise error_of(error, doing="calling the broker") from None
    return Beat(keys=keys_from_wire(answer.keys), broker_time_us=answer.broker_time.ToMicroseconds())


class Reviewed(Frozen):
    """The broker's answer about open tickets.

    Attributes:
        revision: policy revision in force; the whole answer stands on it.
        revoked: ids of the tickets that it does not allow any more.
    """

    revision: int
    revoked: frozenset[str]


def review_tickets(channel: grpc.Channel, tickets: Sequence[Ticket], *, timeout_s: float) -> Reviewed:
    """Which revision is in force, and which of these tickets it would not allow any more.

    Raises:
        ExchangeError: what the broker answered, typed; nothing is known about the tickets.
    """
    request = catalogue_pb2.ReviewTicketsRequest(claims=[ticket.model_dump_json() for ticket in tickets])
    try:
        answer = catalogue_pb2_grpc.ConnectorServiceStub(channel).ReviewTickets(request, timeout=timeout_s)
    except grpc.RpcError as error:
        raise error_of(error, doing="asking which tickets still stand") from None
    return Reviewed(revision=answer.revision, revoked=frozenset(answer.revoked))


def heartbeat_request(location: str, settled: Settled | None) -> catalogue_pb2.HeartbeatRequest:
    """A heartbeat."""
    if settled is None:
        return catalogue_pb2.HeartbeatRequest(location=location)
    return catalogue_pb2.HeartbeatRequest(
        location=location,
        settled_since=timestamp(settled.since_us),
        settled_until=timestamp(settled.until_us),
    )


class Recorded(Frozen):
    """The broker's answer to one receipt: the index of its record, or why it was refused ("" if not)."""

    audit_index: int = 0
    refused: str = ""


def submit_receipts(
    channel: grpc.Channel, receipts: Sequence[Receipt], *, timeout_s: float
) -> tuple[str, ...]:
    """Hand over signed statements (step 10); for each, in order: "" if recorded, else the reason why not.

    Raises:
        ExchangeError: none of them is acknowledged.
    """
    return tuple(answer.refused for answer in record_receipts(channel, receipts, timeout_s=timeout_s))


def record_receipts(
    channel: grpc.Channel, receipts: Sequence[Receipt], *, timeout_s: float
) -> tuple[Recorded, ...]:
    """Hand over signed statements (step 10); for each, in order, where it is in the log, or why it is not.

    Raises:
        ExchangeError: none of them is acknowledged.
    """
    request = receipts_pb2.SubmitReceiptsRequest(receipts=map(receipt_to_wire, receipts))
    try:
        answer = receipts_pb2_grpc.ReceiptServiceStub(channel).SubmitReceipts(request, timeout=timeout_s)
    except grpc.RpcError as error:
        raise error_of(error, doing="handing receipts to the broker") from None
    if len(answer.results) != len(receipts):
        # An answer that does not fit acknowledges nothing; sending again is harmless.
        raise Unavailable("the broker did not answer for each receipt")
    return tuple(
        Recorded(audit_index=result.audit_index, refused=result.refused) for result in answer.results
    )
