"""Signed statements in the log: verbatim, searchable, and verifiable from the log alone."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path
from typing import Any

import pytest
from audit_house import judged, open_log
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from exchange.audit.records.deliveries import STATEMENT_PREFIX, delivery
from exchange.audit.records.kinds import CertificateRecord
from exchange.audit.records.record import Record
from exchange.errors import RequestInvalid
from exchange.model.canonical import canonical
from exchange.model.receipt import End, Outcome, Receipt, Received, Refusal, Start
from exchange.security.signing import PREFIX

KEY = ec.generate_private_key(ec.SECP256R1())
CONNECTOR = "spiffe://port.zhongshui.example/connector"
CONSUMER = "spiffe://emergency.zhongshui.example/system/dispatch"
ACCESS = "ab" * 16


def certificate() -> bytes:
    name = x509.Name([])
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    built = x509.CertificateBuilder(
        name, name, KEY.public_key(), 7, start, start + dt.timedelta(days=3)
    ).add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(CONNECTOR)]), critical=True)
    return built.sign(KEY, SHA256()).public_bytes(Encoding.DER)


DER = certificate()
CERTIFICATE = CertificateRecord(
    subject=CONNECTOR, role="signer", certificate=hashlib.sha256(DER).hexdigest(), der=DER.hex()
)
END = End(
    ticket=ACCESS,
    connector=CONNECTOR,
    rows=12,
    bytes=3400,
    batches=1,
    digest="cd" * 32,
    outcome=Outcome.COMPLETE,
    started_us=1,
    ended_us=2,
)


def signed(statement: Start | End | Received | Refusal) -> Receipt:
    text = canonical(statement.model_dump(mode="json"))
    signature = KEY.sign(STATEMENT_PREFIX + text, ec.ECDSA(SHA256()))
    return Receipt(statement=text.decode(), signature=signature.hex(), certificate=DER.hex())


def test_the_signed_bytes_begin_as_the_connector_begins_them() -> None:
    assert STATEMENT_PREFIX == PREFIX


def test_an_end_keeps_the_statement_and_shows_what_an_auditor_searches_for() -> None:
    receipt = signed(END)
    record = delivery(receipt, subject=CONSUMER, dataset="port.flights", trace="a" * 32)
    assert record.statement == receipt.statement
    shown = (
        record.kind,
        record.id,
        record.speaker,
        record.subject,
        record.dataset,
        record.rows,
        record.outcome,
    )
    assert shown == ("end", ACCESS, CONNECTOR, CONSUMER, "port.flights", 12, "complete")


COUNTED = {"rows": 1, "bytes": 2, "batches": 1, "digest": "cd" * 32}
START = Start(ticket=ACCESS, connector=CONNECTOR, subject=CONSUMER, dataset="port.flights", at_us=1)
REFUSAL = Refusal(ticket="", connector=CONNECTOR, subject=CONSUMER, call="DoGet", reason="expired", at_us=1)
RECEIVED = Received(ticket=ACCESS, consumer=CONSUMER, outcome=Outcome.CUT, reason="cut", at_us=1, **COUNTED)


@pytest.mark.parametrize(
    ("statement", "kind", "outcome"),
    [(START, "start", "started"), (REFUSAL, "refusal", "refused"), (RECEIVED, "received", "cut")],
)
def test_every_statement_has_its_record(statement: Start, kind: str, outcome: str) -> None:
    record = delivery(signed(statement))
    assert (record.kind, record.outcome, record.subject) == (kind, outcome, CONSUMER)


def test_what_is_no_statement_is_not_recorded_as_one() -> None:
    with pytest.raises(RequestInvalid):
        delivery(Receipt(statement='{"kind":"gift"}', signature="", certificate=""))
    with pytest.raises(RequestInvalid):
        delivery(Receipt(statement="[", signature="", certificate=""))


def verdict_on(folder: Path, *records: Record) -> Any:
    with open_log(folder) as log:
        log.append_many(records)
    return judged(folder)


def test_a_good_receipt_verifies_from_the_log_alone(tmp_path: Path) -> None:
    verdict = verdict_on(tmp_path, CERTIFICATE, delivery(signed(END)))
    assert (verdict.whole, verdict.receipts, verdict.remarks) == (True, 1, ())


def test_a_signature_that_does_not_fit_is_a_finding_even_in_an_unaltered_log(tmp_path: Path) -> None:
    other = signed(END.model_copy(update={"rows": 13}))
    record = delivery(signed(END)).model_copy(update={"signature": other.signature})
    (finding,) = verdict_on(tmp_path, CERTIFICATE, record).findings
    assert (finding.what, finding.index) == ("receipt", 2)


def test_fields_that_say_other_than_the_statement_are_a_finding(tmp_path: Path) -> None:
    record = delivery(signed(END)).model_copy(update={"rows": 11})
    (finding,) = verdict_on(tmp_path, CERTIFICATE, record).findings
    assert (finding.what, finding.index) == ("receipt", 2)


def test_a_signer_whose_certificate_is_not_in_the_log_is_remarked(tmp_path: Path) -> None:
    verdict = verdict_on(tmp_path, delivery(signed(END)))
    assert verdict.whole
    assert [(remark.what, remark.index) for remark in verdict.remarks] == [("unknown-signer", 1)]


def test_a_certificate_under_a_foreign_fingerprint_is_a_finding(tmp_path: Path) -> None:
    (finding,) = verdict_on(tmp_path, CERTIFICATE.model_copy(update={"certificate": "0" * 64})).findings
    assert (finding.what, finding.index) == ("receipt", 1)


class FutureRecord(Record):
    kind: str = "cosignature"


def test_a_kind_of_the_future_is_proven_and_remarked(tmp_path: Path) -> None:
    verdict = verdict_on(tmp_path, FutureRecord())
    assert verdict.whole
    assert [(remark.what, remark.index) for remark in verdict.remarks] == [("unknown-kind", 1)]
