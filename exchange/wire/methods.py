"""One call of a service on grpcio: bytes in, a plain function, bytes out; parsed inside the guard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message

from exchange.errors import RequestInvalid
from exchange.wire.status import guarded

Call = grpc.ServicerContext
MessageT = TypeVar("MessageT", bound=Message)


def unary(call: Callable[[bytes, Call], Message]) -> Any:
    """A handler of one message with one answer."""

    def behaviour(message: bytes, context: Call) -> bytes:
        with guarded(context):
            return call(message, context).SerializeToString()
        raise AssertionError("a guarded call neither answered nor aborted")

    return grpc.unary_unary_rpc_method_handler(behaviour)


def parsed(kind: type[MessageT], message: bytes) -> MessageT:
    """The message of this kind.

    Raises:
        RequestInvalid: it is not one.
    """
    try:
        return kind.FromString(message)
    except DecodeError:
        raise RequestInvalid(f"the message is not an {kind.DESCRIPTOR.full_name}") from None
