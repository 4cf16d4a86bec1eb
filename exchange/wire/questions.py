"""What a steward asks the broker in order to explain and simulate: an old bundle, a past decision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import grpc
from google.protobuf.message import Message

from exchange.v1 import policy_pb2, policy_pb2_grpc
from exchange.wire.methods import Call, parsed, unary
from exchange.wire.policy_files import files_from_wire, files_to_wire
from exchange.wire.status import error_of


def question_service(
    bundle: Callable[[int, Call], Mapping[str, bytes]], decision: Callable[[str, Call], bytes]
) -> Any:
    """The part of PolicyService that only tells; `bundle` takes a revision, `decision` an access id."""

    def call_bundle(message: bytes, context: Call) -> Message:
        files = bundle(parsed(policy_pb2.GetBundleRequest, message).revision, context)
        return policy_pb2.GetBundleResponse(files=files_to_wire(files))

    def call_decision(message: bytes, context: Call) -> Message:
        found = decision(parsed(policy_pb2.GetDecisionRequest, message).id, context)
        return policy_pb2.GetDecisionResponse(record=found)

    methods = {"GetBundle": unary(call_bundle), "GetDecision": unary(call_decision)}
    return grpc.method_handlers_generic_handler("exchange.v1.PolicyService", methods)


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
    return files_from_wire(answer.files)


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
