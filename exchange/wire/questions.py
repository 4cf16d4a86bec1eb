"""What a steward asks the broker in order to explain and simulate: an old bundle, a past decision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import grpc
from google.protobuf.message import DecodeError, Message

from exchange.errors import RequestInvalid
from exchange.v1 import policy_pb2, policy_pb2_grpc
from exchange.wire.status import error_of, guarded

Call = grpc.ServicerContext


def question_service(
    bundle: Callable[[int, Call], Mapping[str, bytes]], decision: Callable[[str, Call], bytes]
) -> Any:
    """The part of PolicyService that only tells; `bundle` takes a revision, `decision` an access id."""

    def call_bundle(message: bytes, context: Call) -> Message:
        files = bundle(_parse(policy_pb2.GetBundleRequest, message).revision, context)
        return policy_pb2.GetBundleResponse(
            files=[policy_pb2.PolicyFile(path=path, content=files[path]) for path in sorted(files)]
        )

    def call_decision(message: bytes, context: Call) -> Message:
        found = decision(_parse(policy_pb2.GetDecisionRequest, message).id, context)
        return policy_pb2.GetDecisionResponse(record=found)

    methods = {"GetBundle": _unary(call_bundle), "GetDecision": _unary(call_decision)}
    return grpc.method_handlers_generic_handler("exchange.v1.PolicyService", methods)


def _unary(call: Callable[[bytes, Call], Message]) -> Any:
    def behaviour(message: bytes, context: Call) -> bytes:
        with guarded(context):
            return call(message, context).SerializeToString()
        raise AssertionError("a guarded call neither answered nor aborted")

    return grpc.unary_unary_rpc_method_handler(behaviour)


def _parse(kind: Any, message: bytes) -> Any:
    try:
        return kind.FromString(message)
    except DecodeError:
        raise RequestInvalid(f"the message is not an {kind.DESCRIPTOR.full_name}") from None


def get_bundle(channel: grpc.Channel, revision: int, *, timeout_s: float) -> dict[str, bytes]:
    """The city's files and the caller's own department's, as they stood in a revision, by path.

    Raises:
        ExchangeError: what the broker answered, typed.
    """
    try:
        answer = policy_pb2_grpc.PolicyServiceStub(channel).GetBundle(
            policy_pb2.GetBundleRequest(revision=revision), timeout=timeout_s
        )
    except grpc.RpcError as error:
        raise error_of(error, doing="asking for the policy of a revision") from None
    return {file.path: file.content for file in answer.files}


def get_decision(channel: grpc.Channel, access: str, *, timeout_s: float) -> bytes:
    """The record of a decision on one of the caller's own datasets, as the log has it.

    Raises:
        ExchangeError: what the broker answered, typed.
    """
    try:
        answer = policy_pb2_grpc.PolicyServiceStub(channel).GetDecision(
            policy_pb2.GetDecisionRequest(id=access), timeout=timeout_s
        )
    except grpc.RpcError as error:
        raise error_of(error, doing="asking for a decision") from None
    return bytes(answer.record)
