"""Access requests and their answers: model to message and back."""

from __future__ import annotations

import uuid

import grpc
from google.protobuf.message import DecodeError
from pydantic import ValidationError

from exchange.errors import ExchangeError, RequestInvalid
from exchange.model.request import ReadRequest
from exchange.v1 import access_pb2 as pb
from exchange.wire.status import bounded, outward, typed_error

REQUESTS_MAX = 64
"""Questions in one call: judged in one go by one thread, so no other caller waits long behind them."""


def request_to_wire(request: ReadRequest) -> pb.RequestAccessRequest:
    """A request as a message."""
    return pb.RequestAccessRequest(
        dataset=request.dataset,
        purpose=request.purpose,
        columns=request.columns,
        where=request.where,
        row_limit=request.row_limit or 0,
        trace_id=request.trace_id,
        at_least_revision=request.at_least_revision,
    )


def request_from_wire(message: pb.RequestAccessRequest) -> ReadRequest:
    """The request a message carries; a missing trace id is chosen here.

    Raises:
        RequestInvalid: a field is too large to mean anything. Ids and codes are judged by the broker.
    """
    try:
        return ReadRequest(
            dataset=message.dataset,
            purpose=message.purpose,
            columns=tuple(message.columns),
            where=message.where,
            row_limit=message.row_limit or None,
            trace_id=message.trace_id or uuid.uuid4().hex,
            at_least_revision=message.at_least_revision,
        )
    except ValidationError as error:
        item = error.errors()[0]
        raise RequestInvalid(f"{'.'.join(map(str, item['loc']))}: {item['msg'].lower()}") from None


def refusal_to_wire(error: ExchangeError) -> pb.AccessRefusal:
    """What a lone request would have been refused with."""
    error = outward(error)
    return pb.AccessRefusal(
        reason=error.stable_reason,
        id=error.id,
        message=bounded(error.public),
        hint=bounded(error.hint),
        status=error.code,
    )


def refusal_from_wire(message: pb.AccessRefusal) -> ExchangeError:
    """The typed error that a refusal stands for."""
    names = {code.name: code for code in grpc.StatusCode}
    code = names.get(message.status, grpc.StatusCode.UNKNOWN)
    return typed_error(code, message.reason, message.message, hint=message.hint, id=message.id)


def command_to_bytes(request: ReadRequest) -> bytes:
    """A request as the command of a Flight descriptor."""
    return request_to_wire(request).SerializeToString()


def request_from_command(command: bytes) -> ReadRequest:
    """The request that the command of a Flight descriptor carries.

    Raises:
        RequestInvalid: the command is not a RequestAccessRequest.
    """
    try:
        return request_from_wire(pb.RequestAccessRequest.FromString(command))
    except DecodeError:
        raise RequestInvalid(
            "the descriptor's command is not an exchange.v1.RequestAccessRequest",
            hint="or use a path [dataset, purpose]",
        ) from None
