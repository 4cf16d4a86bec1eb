"""What a witness and the broker say to each other: what was seen, what to cosign, the cosignature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf.message import Message

from exchange.model.base import Frozen
from exchange.v1 import audit_pb2, audit_pb2_grpc
from exchange.wire.methods import Call, parsed, unary
from exchange.wire.status import error_of


class Shown(Frozen):
    """What a witness shows of itself.

    Attributes:
        seen: the largest checkpoint it ever accepted, a note signed by the log; empty for none.
        refused: a checkpoint that it was offered and that contradicts `seen`; empty for none.
    """

    seen: bytes = b""
    refused: bytes = b""


class Candidate(Frozen):
    """What a witness is offered.

    Attributes:
        checkpoint: signed note.
        proof: that it extends what the witness has seen (RFC 6962).
        log_key: the log's verifier key as text.
        wanted: whether the witness's cosignature is.
    """

    checkpoint: bytes
    proof: tuple[bytes, ...] = ()
    log_key: str = ""
    wanted: bool = False


def witness_service(
    witness: Callable[[Shown, Call], Candidate], cosigned: Callable[[int, bytes, Call], None]
) -> Any:
    """The part of AuditService for witnesses; `cosigned` takes the size and the signature line."""

    def call_witness(message: bytes, context: Call) -> Message:
        request = parsed(audit_pb2.WitnessRequest, message)
        answer = witness(Shown(seen=request.seen, refused=request.refused), context)
        return audit_pb2.WitnessResponse(
            checkpoint=answer.checkpoint, proof=answer.proof, log_key=answer.log_key, cosign=answer.wanted
        )

    def call_cosigned(message: bytes, context: Call) -> Message:
        request = parsed(audit_pb2.AddCosignatureRequest, message)
        cosigned(request.size, request.signature, context)
        return audit_pb2.AddCosignatureResponse()

    methods = {"Witness": unary(call_witness), "AddCosignature": unary(call_cosigned)}
    return grpc.method_handlers_generic_handler("exchange.v1.AuditService", methods)


def ask_to_witness(channel: grpc.Channel, shown: Shown, *, timeout_s: float) -> Candidate:
    """Show what was seen last, and get what to cosign.

    Raises:
        ExchangeError: what the broker answered, typed.
    """
    request = audit_pb2.WitnessRequest(seen=shown.seen, refused=shown.refused)
    try:
        answer = audit_pb2_grpc.AuditServiceStub(channel).Witness(request, timeout=timeout_s)
    except grpc.RpcError as error:
        raise error_of(error, doing="asking the broker what to witness") from None
    return Candidate(
        checkpoint=answer.checkpoint, proof=tuple(answer.proof), log_key=answer.log_key, wanted=answer.cosign
    )


def add_cosignature(channel: grpc.Channel, size: int, line: bytes, *, timeout_s: float) -> None:
    """Hand in a cosignature on the checkpoint of that size.

    Raises:
        ExchangeError: what the broker answered, typed.
    """
    request = audit_pb2.AddCosignatureRequest(size=size, signature=line)
    try:
        audit_pb2_grpc.AuditServiceStub(channel).AddCosignature(request, timeout=timeout_s)
    except grpc.RpcError as error:
        raise error_of(error, doing="handing in a cosignature") from None
