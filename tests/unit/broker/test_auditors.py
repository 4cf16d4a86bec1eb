"""The log over the wire: for auditors, in chunks, and the reading of it is recorded."""

from __future__ import annotations

import grpc
import pytest
from broker_house import TIMEOUT_S, House

from exchange.audit.proofs.checkpoint import open_checkpoint
from exchange.audit.proofs.note import VerifierKey
from exchange.model.subject import CITY, Kind
from exchange.v1 import audit_pb2, audit_pb2_grpc


def stub(house: House) -> audit_pb2_grpc.AuditServiceStub:
    return audit_pb2_grpc.AuditServiceStub(house.channel(house.actor(CITY, Kind.AUDITOR, "qian")))


def read(house: House, start: int = 0, count: int = 0) -> list[bytes]:
    request = audit_pb2.ReadEntriesRequest(start=start, count=count)
    answers = list(stub(house).ReadEntries(request, timeout=TIMEOUT_S))
    lines = [line for answer in answers for line in answer.entries]
    at = start
    for answer in answers:
        assert answer.start == at
        at += len(answer.entries)
    return lines


def test_entries_are_the_very_lines_of_the_log_and_reading_them_is_recorded(house: House) -> None:
    for _ in range(300):
        house.running._parts.gate._ledger.refused("test", "test", None)
    lines = read(house)
    assert lines == list(house.running._parts.log.read())
    (record,) = house.records("administration", outcome="done")
    assert record["call"] == "exchange.v1.AuditService/ReadEntries"
    assert record["subject"].endswith("/auditor/qian")


def test_part_of_the_log_can_be_read(house: House) -> None:
    assert read(house, 1, 2) == list(house.running._parts.log.read(1, 2))


def test_checkpoint_is_signed_with_the_published_key(house: House) -> None:
    key = VerifierKey.parse((house.settings.audit / "public.key").read_text())
    answer = stub(house).GetCheckpoint(audit_pb2.GetCheckpointRequest(), timeout=TIMEOUT_S)
    assert open_checkpoint(answer.checkpoint, key).origin == "zhongshui.example/audit"
    assert house.records("administration", call="exchange.v1.AuditService/GetCheckpoint", outcome="done")


@pytest.mark.parametrize("kind", [Kind.SYSTEM, Kind.CONNECTOR, Kind.STEWARD])
def test_nobody_else_reads_the_log(house: House, kind: Kind) -> None:
    other = audit_pb2_grpc.AuditServiceStub(house.channel(house.actor("port", kind)))
    with pytest.raises(grpc.RpcError) as caught:
        list(other.ReadEntries(audit_pb2.ReadEntriesRequest(), timeout=TIMEOUT_S))
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert house.records("administration", outcome="refused", reason="call-refused")
