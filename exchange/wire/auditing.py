"""The auditor's calls: the log as it lies, record by record. Nothing that comes needs to be believed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import grpc

from exchange.v1 import audit_pb2, audit_pb2_grpc
from exchange.wire.status import error_of


def get_checkpoint(channel: grpc.Channel, *, timeout_s: float) -> bytes:
    """The latest signed checkpoint (C2SP tlog-checkpoint).

    Raises:
        ExchangeError: what the broker answered, typed.
    """
    return get_checkpoints(channel, timeout_s=timeout_s)[0]


def get_checkpoints(channel: grpc.Channel, *, timeout_s: float) -> tuple[bytes, bytes]:
    """The latest signed checkpoint, and the latest that a quorum of witnesses cosigned; b"" if there is none.

    Raises:
        ExchangeError: what the broker answered, typed.
    """
    try:
        answer = audit_pb2_grpc.AuditServiceStub(channel).GetCheckpoint(
            audit_pb2.GetCheckpointRequest(), timeout=timeout_s
        )
    except grpc.RpcError as error:
        raise error_of(error, doing="asking the broker for a checkpoint") from None
    return bytes(answer.checkpoint), bytes(answer.cosigned)


class Remains(NamedTuple):
    """A piece of what retention left: a seal, which begins a segment, kept records, or leaf hashes."""

    seal: bytes = b""
    kept: bytes = b""
    hashes: bytes = b""


def read_removed(channel: grpc.Channel, *, timeout_s: float) -> Iterator[Remains]:
    """What retention left of the first segments: each one's seal and kept records, at last all their hashes.

    Raises:
        ExchangeError: what the broker answered, typed.
    """
    call: Any = audit_pb2_grpc.AuditServiceStub(channel).ReadRemoved(
        audit_pb2.ReadRemovedRequest(), timeout=timeout_s
    )
    try:
        for answer in call:
            yield Remains(answer.seal, answer.kept, answer.hashes)
    except grpc.RpcError as error:
        raise error_of(error, doing="reading the log from the broker") from None
    finally:
        call.cancel()


def read_entries(
    channel: grpc.Channel, start: int, count: int, *, timeout_s: float
) -> Iterator[tuple[int, list[bytes]]]:
    """Records in order, in chunks, each with the index of its first; leaving the iteration cancels the call.

    Args:
        channel: to the broker.
        start: index of the first wanted.
        count: how many at most.
        timeout_s: for all of them.

    Raises:
        ExchangeError: what the broker answered, typed.
    """
    call: Any = audit_pb2_grpc.AuditServiceStub(channel).ReadEntries(
        audit_pb2.ReadEntriesRequest(start=start, count=count), timeout=timeout_s
    )
    try:
        for answer in call:
            yield answer.start, list(answer.entries)
    except grpc.RpcError as error:
        raise error_of(error, doing="reading the log from the broker") from None
    finally:
        call.cancel()
