"""The log over the wire: for auditors, in chunks, and the reading of it is recorded."""

from __future__ import annotations

import grpc
import pytest
from broker_house import TIMEOUT_S, House
from whole_house import wait_until

from exchange.audit.proofs.checkpoint import open_checkpoint
from exchange.audit.proofs.merkle import leaf_hash, verify_consistency, verify_inclusion
from exchange.audit.proofs.note import VerifierKey
from exchange.errors import AccessRefused, RequestInvalid, Unavailable
from exchange.model.subject import CITY, Kind
from exchange.security.credentials import TlsSettings
from exchange.v1 import audit_pb2, audit_pb2_grpc
from exchange.wire.proving import Proven, Wanted, prove_inclusion


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


def prove(house: House, who: TlsSettings, **wanted: int) -> Proven:
    return prove_inclusion(house.channel(who), Wanted(**wanted), timeout_s=TIMEOUT_S)


def covered(house: House, index: int) -> None:
    """Wait until a checkpoint covers the record."""
    key = VerifierKey.parse((house.settings.audit / "public.key").read_text())
    wait_until(lambda: open_checkpoint(house.running._parts.log.checkpoint(), key).size > index)


def test_a_record_is_proven_to_whom_it_speaks_of_and_the_log_to_extend_what_he_saw(house: House) -> None:
    key = VerifierKey.parse((house.settings.audit / "public.key").read_text())
    first, second = house.ask().audit_index, house.ask().audit_index
    covered(house, second)

    found = prove(house, house.actor("emergency"), index=first, seen_size=1)

    tree = open_checkpoint(found.checkpoint, key)
    assert verify_inclusion(leaf_hash(found.record), first, tree.size, found.proof, tree.root)
    root = leaf_hash(next(iter(house.running._parts.log.read(0, 1))))
    assert verify_consistency(1, tree.size, root, tree.root, found.consistency)
    assert found.log_key == key.text
    assert not house.records("administration", call="exchange.v1.AuditService/ProveInclusion")


def test_a_record_is_proven_in_the_tree_that_was_asked_for(house: House) -> None:
    grant = house.ask()
    covered(house, grant.audit_index)
    size = grant.audit_index + 1
    found = prove(house, house.actor("emergency"), index=grant.audit_index, tree_size=size)
    root = house.running._parts.auditors._tree.root(size)
    assert verify_inclusion(leaf_hash(found.record), grant.audit_index, size, found.proof, root)


def test_others_records_and_missing_ones_are_refused_alike(house: House) -> None:
    grant = house.ask()
    covered(house, grant.audit_index)
    refusals = []
    for who in (house.actor("press"), house.actor("weather", Kind.CONNECTOR)):
        for index in (grant.audit_index, 0, 10_000_000, 2**62):
            with pytest.raises(AccessRefused) as caught:
                prove(house, who, index=index)
            refusals.append((caught.value.stable_reason, caught.value.public, caught.value.hint))
    assert len(set(refusals)) == 1
    assert len(house.records("administration", reason="not-granted")) == len(refusals)


def test_the_connector_of_the_dataset_sees_the_decision_behind_a_ticket(house: House) -> None:
    grant = house.ask()
    covered(house, grant.audit_index)
    found = prove(house, house.actor("port", Kind.CONNECTOR), index=grant.audit_index)
    assert grant.id.encode() in found.record


def test_an_auditor_sees_every_record_and_that_is_recorded(house: House) -> None:
    grant = house.ask()
    covered(house, grant.audit_index)
    auditor = house.actor(CITY, Kind.AUDITOR, "qian")
    for index in (0, grant.audit_index):
        assert prove(house, auditor, index=index).record
    records = house.records("administration", call="exchange.v1.AuditService/ProveInclusion")
    assert [record["target"] for record in records] == ["0", str(grant.audit_index)]


def test_a_tree_that_was_never_signed_is_none(house: House) -> None:
    with pytest.raises(RequestInvalid) as caught:
        prove(house, house.actor("emergency"), index=0, tree_size=10_000_000)
    assert caught.value.stable_reason == "tree-unknown"


def test_a_damaged_tree_proves_nothing_rather_than_something_wrong(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = house.ask().audit_index, house.ask().audit_index
    covered(house, second)
    leaves = house.settings.audit / "tree" / "0"
    genuine = leaves.read_bytes()
    leaves.write_bytes(genuine[: 32 * first] + bytes([genuine[32 * first] ^ 1]) + genuine[32 * first + 1 :])

    for asked in (first, second):
        with pytest.raises(Unavailable) as caught:
            prove(house, house.actor("emergency"), index=asked, seen_size=1)
        assert caught.value.stable_reason == "tree-damaged"
    assert "move the log's folder `tree` away" in caplog.text

    leaves.write_bytes(genuine)
    assert prove(house, house.actor("emergency"), index=first).record
