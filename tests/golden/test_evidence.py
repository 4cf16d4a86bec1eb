"""An evidence file written today must be believed in ten years, by both verifiers.

A difference here is a break of the format, never a reason to write the files anew.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from audit_house import PUBLIC
from evidence_house import trust_text

from exchange.audit.evidence import verify_evidence
from exchange.audit.evidence.build import prove
from exchange.audit.evidence.check import check_evidence
from exchange.audit.evidence.form import Evidence
from exchange.audit.evidence.places import places_in_log
from exchange.audit.proofs.tlogproof import TlogProof
from exchange.audit.proofs.trust import TrustPolicy

FOLDER = Path(__file__).parent / "evidence"
LOG = Path(__file__).parent / "audit" / "log"
INDEX = 5


def test_today_s_program_makes_the_golden_evidence_of_the_golden_log() -> None:
    evidence = prove(LOG, [INDEX], TrustPolicy.of_key(PUBLIC), places_in_log(LOG, ""))
    assert evidence.encode() == (FOLDER / "record.json").read_bytes()
    (entry,) = (entry for entry in evidence.entries if entry.index == INDEX)
    proof = TlogProof(INDEX, tuple(entry.path()), evidence.checkpoint.encode())
    assert proof.encode() == (FOLDER / "record.tlog-proof").read_bytes()


def test_the_golden_trust_policy_is_read() -> None:
    assert (FOLDER / "trust").read_text() == trust_text()
    assert set(TrustPolicy.parse((FOLDER / "trust").read_bytes()).witnesses) == {
        "port",
        "weather",
        "registry",
    }


@pytest.mark.parametrize("name", ["record.json", "access.json"])
def test_a_golden_file_reads_back_to_the_byte(name: str) -> None:
    data = (FOLDER / name).read_bytes()
    assert Evidence.parse(data).encode() == data


def test_both_verifiers_believe_the_golden_access() -> None:
    data = (FOLDER / "access.json").read_bytes()
    proof = check_evidence(data, TrustPolicy.parse((FOLDER / "trust").read_bytes()))
    assert (proof.proven, proof.receipts, len(proof.asked), len(proof.cosigned_by)) == (True, 5, 5, 2)
    policy = verify_evidence.Policy()
    policy.read((FOLDER / "trust").read_text())
    assert len(verify_evidence.check(data, policy).signatures) == 5
