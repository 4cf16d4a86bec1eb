"""Verification with a trust policy: what witnesses cosigned counts, and what they have not seen is said."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from audit_house import PUBLIC, decision, filled, open_log
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exchange.audit.proofs.cosignature import cosign, cosigner_key, with_signatures
from exchange.audit.proofs.trust import TrustPolicy
from exchange.audit.storage.layout import Layout
from exchange.audit.verify import verify

WITNESS = Ed25519PrivateKey.from_private_bytes(b"\x09" * 32)
POLICY = TrustPolicy.parse(
    f"log {PUBLIC.text}\nwitness port {cosigner_key('port.example', WITNESS).text}\nquorum port\n"
)


def cosigned(note: bytes) -> bytes:
    text = note[: note.index(b"\n\n") + 1]
    return with_signatures(note, [cosign(text, "port.example", WITNESS, 1000)])


@pytest.fixture
def log(tmp_path: Path) -> Path:
    filled(tmp_path / "log", batches=1)
    layout = Layout(tmp_path / "log")
    layout.cosigned.write_bytes(cosigned(layout.checkpoint.read_bytes()))
    return tmp_path / "log"


def test_a_cosigned_log_is_whole_and_says_by_whom(log: Path) -> None:
    verdict = verify(log, POLICY)
    assert (verdict.whole, verdict.cosigned, verdict.cosigned_by) == (True, verdict.records, ("port",))
    assert verdict.remarks == ()


def test_records_that_no_witness_has_seen_are_remarked(log: Path) -> None:
    with open_log(log) as more:
        more.append(decision(1))
    verdict = verify(log, POLICY)
    assert verdict.whole
    (remark,) = verdict.remarks
    assert (remark.what, remark.index) == ("beyond-cosigned", verdict.cosigned)
    assert remark.text.startswith(f"{verdict.records - verdict.cosigned} records from {verdict.cosigned} on")


@pytest.mark.parametrize("left", [b"", b"not a note\n"], ids=["none", "garbage"])
def test_without_a_quorum_the_log_is_not_believed(log: Path, left: bytes) -> None:
    Layout(log).cosigned.write_bytes(left)
    verdict = verify(log, POLICY)
    assert [finding.what for finding in verdict.findings] == ["checkpoint"]
    assert "cosignatures" in verdict.findings[0].text


def test_t59_a_log_rewritten_by_its_own_key_is_not_the_one_that_was_cosigned(
    log: Path, tmp_path: Path
) -> None:
    filled(tmp_path / "other", batches=2)
    shutil.copy(Layout(log).cosigned, Layout(tmp_path / "other").cosigned)
    assert verify(tmp_path / "other", PUBLIC).whole
    verdict = verify(tmp_path / "other", POLICY)
    assert [finding.what for finding in verdict.findings] == ["fork"]


def test_a_checkpoint_given_from_elsewhere_may_bear_the_quorum(log: Path) -> None:
    note = Layout(log).cosigned.read_bytes()
    Layout(log).cosigned.unlink()
    assert not verify(log, POLICY).whole
    assert verify(log, POLICY, checkpoint=note).whole
