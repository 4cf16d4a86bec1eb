"""Step 1 on the wire: a consumer asks the broker what there is, and for access to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc
import pyarrow as pa

from exchange.errors import ExchangeError, StreamMismatch
from exchange.model.base import Frozen
from exchange.model.dataset import Column
from exchange.model.request import ReadRequest
from exchange.v1 import access_pb2, access_pb2_grpc, catalogue_pb2, catalogue_pb2_grpc
from exchange.wire.access import command_to_bytes, refusal_from_wire, request_to_wire
from exchange.wire.catalogue import columns_from_wire
from exchange.wire.flight import path
from exchange.wire.status import error_of


class Offer(Frozen):
    """Where a ticket can be redeemed: `host:port`, and the department whose connector must answer there."""

    location: str
    department: str


class Grant(Frozen):
    """The broker's yes.

    Attributes:
        id: the access id.
        ticket: opaque to the consumer.
        offers: where it can be redeemed, once.
        columns: what will arrive, after masks.
        revision: policy revision of the decision.
        audit_index: index of the decision's record.
        expires_us: unix microseconds.
        trace_id: W3C trace id.
    """

    id: str
    ticket: bytes
    offers: tuple[Offer, ...]
    columns: tuple[Column, ...]
    revision: int
    audit_index: int
    expires_us: int
    trace_id: str


class Entry(Frozen):
    """A dataset as one consumer may see it; `availability` is serving, silent, unregistered or unknown."""

    id: str
    title: str
    department: str
    purposes: tuple[str, ...]
    columns: tuple[Column, ...]
    availability: str
    sharing: str = ""
    grade: str = ""
    update_cycle: str = ""


def request_access(channel: grpc.Channel, request: ReadRequest, *, timeout_s: float) -> Grant:
    """Ask for access (step 1).

    Raises:
        AccessRefused: the decision fell against the request.
        ExchangeError: whatever else the broker answered, typed.
    """
    try:
        answer = access_pb2_grpc.AccessServiceStub(channel).RequestAccess(
            request_to_wire(request), timeout=timeout_s
        )
    except grpc.RpcError as error:
        raise error_of(error, doing="asking the broker for access") from None
    return _grant(answer)


def request_access_many(
    channel: grpc.Channel, requests: Sequence[ReadRequest], *, timeout_s: float
) -> list[Grant | ExchangeError]:
    """Ask several questions at once (step 1): for each, in order, the grant or the error that refuses it.

    Args:
        channel: to the broker.
        requests: at most `REQUESTS_MAX`.
        timeout_s: for all of them.

    Raises:
        ExchangeError: no question was answered.
    """
    asked = access_pb2.RequestAccessManyRequest(requests=map(request_to_wire, requests))
    try:
        answer = access_pb2_grpc.AccessServiceStub(channel).RequestAccessMany(asked, timeout=timeout_s)
    except grpc.RpcError as error:
        raise error_of(error, doing="asking the broker for access") from None
    if len(answer.answers) != len(requests):
        raise StreamMismatch("the broker answered another number of questions than it was asked")
    return [
        _grant(one.granted) if one.HasField("granted") else refusal_from_wire(one.refused)
        for one in answer.answers
    ]


def _grant(answer: access_pb2.RequestAccessResponse) -> Grant:
    return Grant(
        id=answer.id,
        ticket=answer.ticket.encode(),
        offers=tuple(Offer(location=at.location, department=at.department) for at in answer.endpoints),
        columns=columns_from_wire(answer.columns),
        revision=answer.revision,
        audit_index=answer.audit_index,
        expires_us=answer.expires_at.ToMicroseconds(),
        trace_id=answer.trace_id,
    )


def list_datasets(channel: grpc.Channel, *, timeout_s: float) -> tuple[tuple[Entry, ...], int]:
    """The datasets the caller may see, and the policy revision the answer stands on.

    Raises:
        ExchangeError: what the broker answered, typed.
    """
    try:
        answer = catalogue_pb2_grpc.CatalogueServiceStub(channel).ListDatasets(
            catalogue_pb2.ListDatasetsRequest(), timeout=timeout_s
        )
    except grpc.RpcError as error:
        raise error_of(error, doing="asking the broker for its catalogue") from None
    return tuple(map(_entry, answer.datasets)), answer.revision


def _entry(message: catalogue_pb2.DatasetEntry) -> Entry:
    return Entry(
        id=message.id,
        title=message.title,
        department=message.department,
        purposes=tuple(message.purposes),
        columns=columns_from_wire(message.columns),
        availability=_AVAILABILITY.get(message.availability, "unknown"),
        sharing=message.sharing,
        grade=message.grade,
        update_cycle=message.update_cycle,
    )


_AVAILABILITY: dict[Any, str] = {
    catalogue_pb2.AVAILABILITY_SERVING: "serving",
    catalogue_pb2.AVAILABILITY_SILENT: "silent",
    catalogue_pb2.AVAILABILITY_UNREGISTERED: "unregistered",
}


def get_schema(channel: grpc.Channel, request: ReadRequest, *, timeout_s: float) -> pa.Schema:
    """The governed schema a request would be answered with, from the broker's Flight front.

    Raises:
        ExchangeError: what the broker answered, typed.
    """
    from pyarrow import flight  # noqa: PLC0415 - only here is pyarrow's own Flight codec needed

    descriptor = flight.FlightDescriptor.for_command(command_to_bytes(request)).serialize()
    try:
        call: Any = channel.unary_unary  # the stubs demand serialisers
        answer = call(path("GetSchema"))(descriptor, timeout=timeout_s)
    except grpc.RpcError as error:
        raise error_of(error, doing="asking the broker for a schema") from None
    return flight.SchemaResult.deserialize(answer).schema
