"""A record written today must verify in ten years: today's encoder writes these files byte for byte.

A difference here is a break of the format, never a reason to write the files anew. Something new is a new
kind with a line of its own.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from audit_house import judged

from exchange.audit.records.deliveries import EndRecord, ReceivedRecord, RefusalRecord, StartRecord
from exchange.audit.records.entry import KINDS, Entry, parse_canonical
from exchange.audit.records.kinds import (
    AdministrationRecord,
    CertificateRecord,
    DecisionRecord,
    FileDigest,
    KeyRecord,
    LogRecord,
    PublicationRecord,
    RegistrationRecord,
    RevocationRecord,
)
from exchange.audit.records.record import Record
from exchange.model.canonical import is_canonical

FOLDER = Path(__file__).parent / "audit"
GOLDEN = (FOLDER / "records.jsonl").read_bytes().splitlines()
TIME = b"2026-11-22T12:00:00.000001Z"
DISPATCH = "spiffe://emergency.zhongshui.example/system/dispatch"
PORT = "spiffe://port.zhongshui.example/connector"
WHO = {"id": "0123456789abcdef0123456789abcdef", "trace": "4bf92f3577b34da6a3ce929d0e0e4736"}
SIGNED = {"statement": '{"kind":"…","列":1}', "signature": "3006020101020101", "certificate": "c1" * 32}
COUNTED = {"rows": 336776, "bytes": 18859456, "batches": 42, "digest": "d1" * 32}

RECORDS: list[Record] = [
    LogRecord(
        subject="spiffe://city.zhongshui.example/broker", event="recovered", size=0, dropped_bytes=17,
        step_us=-600_000_000, version="0.1.0",
    ),
    DecisionRecord(
        **WHO, subject=DISPATCH, department="emergency", dataset="port.flights", columns=("origin", "尾号"),
        columns_count=2, columns_digest="a1" * 32, purpose="emergency-response", action="read",
        decision="allow", reason="granted", public_reason="granted", rules=("departments/port/grants.csv:3",),
        obligations="b1" * 32, schema_digest="b2" * 32, revision=12, state="normal",
        predicate='"dep_delay" > ?', commitment="b3" * 32, row_limit=1000,
        expires="2026-11-22T12:05:00.000000Z",
    ),
    DecisionRecord(
        **WHO, subject="spiffe://press.zhongshui.example/system/desk", department="press",
        dataset="port.暗线", purpose="press-inquiry", action="describe", decision="deny", reason="no-grant",
        public_reason="not-granted", revision=12,
    ),
    CertificateRecord(subject=PORT, role="signer", certificate="c1" * 32, der="308201"),
    StartRecord(**WHO, **SIGNED, subject=DISPATCH, speaker=PORT, dataset="port.flights", outcome="started"),
    EndRecord(
        **WHO, **SIGNED, **COUNTED, subject=DISPATCH, speaker=PORT, dataset="port.flights", outcome="aborted",
        reason="client-gone",
    ),
    ReceivedRecord(
        **WHO, **SIGNED, **COUNTED, subject=DISPATCH, speaker=DISPATCH, dataset="port.flights",
        outcome="complete",
    ),
    RefusalRecord(**SIGNED, subject=DISPATCH, speaker=PORT, outcome="refused", reason="ticket-used"),
    PublicationRecord(
        subject="spiffe://port.zhongshui.example/steward/wang", department="port", revision=13, previous=12,
        bundle="e1" * 32, files=(FileDigest(path="grants.csv", digest="e2" * 32),),
        message='减\t"tail" \\ \x01\x7f\u2028 numbers', outcome="published", **SIGNED,
    ),
    RegistrationRecord(
        subject=PORT, department="port", dataset="port.flights", schema_digest="b2" * 32, columns_count=19,
        location="127.0.0.1:7410", outcome="registered",
    ),
    AdministrationRecord(
        subject="spiffe://city.zhongshui.example/auditor/li", department="city",
        call="AuditService/ReadEntries", target="0", outcome="done",
    ),
    RevocationRecord(
        **WHO, subject=DISPATCH, department="emergency", dataset="port.flights", purpose="emergency-response",
        speaker=PORT, revision=13, previous=12, reason="no-grant",
    ),
    KeyRecord(
        subject="spiffe://city.zhongshui.example/broker", role="listener", certificate="c2" * 32,
        outcome="signing", expires="2026-11-25T12:00:00.000000Z",
    ),
]  # fmt: skip


def test_every_kind_has_a_golden_line() -> None:
    assert {record.to_json()["kind"] for record in RECORDS} == KINDS
    assert len(GOLDEN) == len(RECORDS)


@pytest.mark.parametrize("index", range(len(RECORDS)), ids=[f"{r.to_json()['kind']}" for r in RECORDS])
def test_today_s_encoder_writes_the_golden_bytes(index: int) -> None:
    assert RECORDS[index].encode().line(index, TIME) == GOLDEN[index]


@pytest.mark.parametrize("line", GOLDEN, ids=range(len(GOLDEN)))
def test_a_golden_line_is_canonical_and_reads_back(line: bytes) -> None:
    entry = Entry.parse(line)
    assert is_canonical(line)
    assert parse_canonical(line) == entry.fields
    assert entry.record() == RECORDS[entry.index]


def test_a_log_folder_of_today_verifies() -> None:
    verdict = judged(FOLDER / "log")
    assert verdict.whole, verdict.findings
    assert (verdict.records, verdict.root) == (13, (FOLDER / "root").read_text().strip())
