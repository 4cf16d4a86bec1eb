"""Policy revisions on the wire: which is in force, which there were, and what stood in them."""

from __future__ import annotations

import grpc

from exchange.model.base import Frozen
from exchange.v1 import policy_pb2, policy_pb2_grpc
from exchange.wire.moments import timestamp
from exchange.wire.policy_files import files_from_wire, files_to_wire
from exchange.wire.status import error_of


class PublicationAlarm(Frozen):
    """A publication failed and none has succeeded since; what was in force before still is.

    Attributes:
        department: whose publication.
        reason: stable code.
        id: under which the audit log has it; "" where it could not be recorded.
        at_us: unix microseconds.
    """

    department: str
    reason: str
    id: str
    at_us: int


class RevisionEntry(Frozen):
    """A revision as the audit log tells of it.

    Attributes:
        revision: its number.
        digest: SHA-256 (hex) of the whole bundle.
        publisher: SPIFFE id of whoever published it; department: whose files.
        message: why.
        at_us: unix microseconds.
        audit_index: of its record.
    """

    revision: int
    digest: str
    publisher: str
    department: str
    message: str
    at_us: int
    audit_index: int


class InForceNow(Frozen):
    """The revision in force, its digest, and the alarm where one stands."""

    revision: int
    digest: str
    alarm: PublicationAlarm | None = None


class History(Frozen):
    """Revisions, newest first, and the alarm where one stands."""

    revisions: tuple[RevisionEntry, ...]
    alarm: PublicationAlarm | None = None


def get_revision(channel: grpc.Channel, *, timeout_s: float) -> InForceNow:
    """What is in force.

    Raises:
        ExchangeError: what the broker answered, typed.
    """
    try:
        answer = policy_pb2_grpc.PolicyServiceStub(channel).GetRevision(
            policy_pb2.GetRevisionRequest(), timeout=timeout_s
        )
    except grpc.RpcError as error:
        raise error_of(error, doing="asking for the policy revision") from None
    alarm = _alarm(answer.alarm) if answer.HasField("alarm") else None
    return InForceNow(revision=answer.revision, digest=answer.digest, alarm=alarm)


def list_revisions(channel: grpc.Channel, *, before: int = 0, count: int = 0, timeout_s: float) -> History:
    """The revisions before one (0: from the newest on), at most so many (0: as the broker likes).

    Raises:
        ExchangeError: what the broker answered, typed.
    """
    request = policy_pb2.ListRevisionsRequest(before=before, count=count)
    try:
        answer = policy_pb2_grpc.PolicyServiceStub(channel).ListRevisions(request, timeout=timeout_s)
    except grpc.RpcError as error:
        raise error_of(error, doing="asking for the policy history") from None
    alarm = _alarm(answer.alarm) if answer.HasField("alarm") else None
    return History(revisions=tuple(map(_entry, answer.revisions)), alarm=alarm)


def get_part(channel: grpc.Channel, revision: int, *, timeout_s: float) -> dict[str, bytes]:
    """The files of the caller's own department as they stood in a revision.

    Raises:
        RequestInvalid: there is no such revision.
        ExchangeError: what else the broker answered, typed.
    """
    try:
        answer = policy_pb2_grpc.PolicyServiceStub(channel).GetPart(
            policy_pb2.GetPartRequest(revision=revision), timeout=timeout_s
        )
    except grpc.RpcError as error:
        raise error_of(error, doing="asking for a revision's files") from None
    return files_from_wire(answer.files)


def in_force_to_wire(found: InForceNow) -> policy_pb2.GetRevisionResponse:
    """What is in force, as a message."""
    return policy_pb2.GetRevisionResponse(
        revision=found.revision, digest=found.digest, alarm=_alarm_to_wire(found.alarm)
    )


def history_to_wire(found: History) -> policy_pb2.ListRevisionsResponse:
    """A history as a message."""
    return policy_pb2.ListRevisionsResponse(
        revisions=[
            policy_pb2.RevisionEntry(
                revision=one.revision,
                digest=one.digest,
                publisher=one.publisher,
                department=one.department,
                message=one.message,
                at=timestamp(one.at_us),
                audit_index=one.audit_index,
            )
            for one in found.revisions
        ],
        alarm=_alarm_to_wire(found.alarm),
    )


def part_to_wire(files: dict[str, bytes]) -> policy_pb2.GetPartResponse:
    """A department's files as a message."""
    return policy_pb2.GetPartResponse(files=files_to_wire(files))


def _alarm_to_wire(alarm: PublicationAlarm | None) -> policy_pb2.PublicationAlarm | None:
    if alarm is None:
        return None
    return policy_pb2.PublicationAlarm(
        department=alarm.department, reason=alarm.reason, id=alarm.id, at=timestamp(alarm.at_us)
    )


def _alarm(message: policy_pb2.PublicationAlarm) -> PublicationAlarm:
    return PublicationAlarm(
        department=message.department,
        reason=message.reason,
        id=message.id,
        at_us=message.at.ToMicroseconds(),
    )


def _entry(message: policy_pb2.RevisionEntry) -> RevisionEntry:
    return RevisionEntry(
        revision=message.revision,
        digest=message.digest,
        publisher=message.publisher,
        department=message.department,
        message=message.message,
        at_us=message.at.ToMicroseconds(),
        audit_index=message.audit_index,
    )
