"""Usage on the wire: a department's question about its own data, and the lines that answer it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf.message import DecodeError, Message
from pydantic import ValidationError

from exchange.errors import RequestInvalid
from exchange.model.usage import USUAL, Dimension, Usage, UsageLine, UsageQuestion
from exchange.v1 import usage_pb2, usage_pb2_grpc
from exchange.wire.methods import Call, unary
from exchange.wire.moments import timestamp
from exchange.wire.status import error_of

Parse = Callable[[], UsageQuestion]

_DIMENSIONS = {
    usage_pb2.USAGE_DIMENSION_DATASET: Dimension.DATASET,
    usage_pb2.USAGE_DIMENSION_CONSUMER: Dimension.CONSUMER,
    usage_pb2.USAGE_DIMENSION_PURPOSE: Dimension.PURPOSE,
    usage_pb2.USAGE_DIMENSION_DAY: Dimension.DAY,
}
_NUMBERS = {dimension: number for number, dimension in _DIMENSIONS.items()}


def usage_service(get_usage: Callable[[Parse, Call], Usage]) -> Any:
    """UsageService; the question is handed over unparsed: only the broker can record a malformed one."""

    def call(message: bytes, context: Call) -> Message:
        return _answer_to_wire(get_usage(lambda: _question_from_wire(message), context))

    return grpc.method_handlers_generic_handler("exchange.v1.UsageService", {"GetUsage": unary(call)})


def get_usage(channel: grpc.Channel, question: UsageQuestion, *, timeout_s: float) -> Usage:
    """Who used the caller's own department's data.

    Raises:
        ExchangeError: what the broker answered, typed.
    """
    request = usage_pb2.GetUsageRequest(
        dataset=question.dataset, by=[_NUMBERS[dimension] for dimension in question.by]
    )
    if question.since_us is not None:
        request.since.CopyFrom(timestamp(question.since_us))
    if question.until_us is not None:
        request.until.CopyFrom(timestamp(question.until_us))
    try:
        answer = usage_pb2_grpc.UsageServiceStub(channel).GetUsage(request, timeout=timeout_s)
    except grpc.RpcError as error:
        raise error_of(error, doing="asking the broker for usage") from None
    return Usage(
        lines=tuple(map(_line_from_wire, answer.lines)), truncated=answer.truncated, records=answer.records
    )


def _question_from_wire(message: bytes) -> UsageQuestion:
    try:
        request = usage_pb2.GetUsageRequest.FromString(message)
        by = tuple(_DIMENSIONS[number] for number in request.by) or USUAL
        return UsageQuestion(
            dataset=request.dataset,
            since_us=request.since.ToMicroseconds() if request.HasField("since") else None,
            until_us=request.until.ToMicroseconds() if request.HasField("until") else None,
            by=tuple(dict.fromkeys(by)),
        )
    except DecodeError:
        raise RequestInvalid("the message is not an exchange.v1.GetUsageRequest") from None
    except KeyError:
        raise RequestInvalid("usage is told by dataset, consumer, purpose or day") from None
    except (ValidationError, ValueError):
        raise RequestInvalid("this is no question about usage") from None


def _answer_to_wire(usage: Usage) -> usage_pb2.GetUsageResponse:
    return usage_pb2.GetUsageResponse(
        lines=map(_line_to_wire, usage.lines), truncated=usage.truncated, records=usage.records
    )


def _line_to_wire(line: UsageLine) -> usage_pb2.UsageLine:
    plain = line.model_dump(exclude={"first_us", "last_us"})
    return usage_pb2.UsageLine(**plain, first=timestamp(line.first_us), last=timestamp(line.last_us))


def _line_from_wire(line: usage_pb2.UsageLine) -> UsageLine:
    return UsageLine(
        dataset=line.dataset,
        consumer=line.consumer,
        purpose=line.purpose,
        day=line.day,
        granted=line.granted,
        refused=line.refused,
        complete=line.complete,
        broken=line.broken,
        rows=line.rows,
        bytes=line.bytes,
        first_us=line.first.ToMicroseconds(),
        last_us=line.last.ToMicroseconds(),
    )
