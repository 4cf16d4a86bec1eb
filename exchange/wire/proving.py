"""One record with the proof that it is in the log, for whoever it speaks of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf.message import Message

from exchange.model.base import Frozen
from exchange.v1 import audit_pb2, audit_pb2_grpc
from exchange.wire.methods import Call, parsed, unary
from exchange.wire.status import error_of


class Wanted(Frozen):
    """What is to be proven.

    Attributes:
        index: of the record.
        tree_size: in the tree of that size; 0 for that of the latest checkpoint.
        seen_size: also that the latest checkpoint extends the tree of that size; 0 for none.
    """

    index: int
    tree_size: int = 0
    seen_size: int = 0


class Proven(Frozen):
    """The broker's answer; nothing of it is verified yet.

    Attributes:
        record: canonical JSON.
        proof: RFC 6962 audit path of the record.
        checkpoint: the latest, a signed note.
        consistency: RFC 6962 consistency proof; empty where none was asked for.
        log_key: the log's verifier key as text.
    """

    record: bytes
    proof: tuple[bytes, ...]
    checkpoint: bytes
    consistency: tuple[bytes, ...] = ()
    log_key: str = ""


def proof_service(prove: Callable[[Wanted, Call], Proven]) -> Any:
    """The part of AuditService that proves single records."""

    def call_prove(message: bytes, context: Call) -> Message:
        request = parsed(audit_pb2.ProveInclusionRequest, message)
        answer = prove(
            Wanted(index=request.index, tree_size=request.tree_size, seen_size=request.seen_size), context
        )
        return audit_pb2.ProveInclusionResponse(
            record=answer.record,
            proof=answer.proof,
            checkpoint=answer.checkpoint,
            consistency=answer.consistency,
            log_key=answer.log_key,
        )

    return grpc.method_handlers_generic_handler(
        "exchange.v1.AuditService", {"ProveInclusion": unary(call_prove)}
    )


def prove_inclusion(channel: grpc.Channel, wanted: Wanted, *, timeout_s: float) -> Proven:
    """The record and the proofs.

    Raises:
        AccessRefused: there is no such record, or it speaks of others.
        ExchangeError: what else the broker answered, typed.
    """
    request = audit_pb2.ProveInclusionRequest(
        index=wanted.index, tree_size=wanted.tree_size, seen_size=wanted.seen_size
    )
    try:
        answer = audit_pb2_grpc.AuditServiceStub(channel).ProveInclusion(request, timeout=timeout_s)
    except grpc.RpcError as error:
        raise error_of(error, doing="asking for the proof of a record") from None
    return Proven(
        record=answer.record,
        proof=tuple(answer.proof),
        checkpoint=answer.checkpoint,
        consistency=tuple(answer.consistency),
        log_key=answer.log_key,
    )
