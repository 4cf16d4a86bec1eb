"""What the exchange proves, verified by a Go program on golang.org/x/mod (tlog, note) and on torchwood."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import outside_tools
import pytest
from audit_house import PUBLIC
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from evidence_house import ACCESS, access_log, cosigned_by, trust_text

from exchange.audit.evidence.build import prove
from exchange.audit.evidence.form import Evidence
from exchange.audit.evidence.places import places_in_log
from exchange.audit.proofs.cosignature import cosigner_key, verify_cosignature
from exchange.audit.proofs.note import SignatureType, VerifierKey, split_note
from exchange.audit.proofs.tlogproof import TlogProof
from exchange.audit.proofs.tree import StoredTree
from exchange.audit.proofs.trust import TrustPolicy
from exchange.audit.storage.layout import Layout

pytestmark = pytest.mark.needs("tlogcheck")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("notaries")
    cosigned_by(access_log(folder / "log"), "port", "registry")
    (folder / "trust").write_text(trust_text())
    (folder / "key").write_text(f"log {PUBLIC.text}\nquorum none\n")
    return folder


@pytest.fixture(scope="module")
def evidence(house: Path) -> Evidence:
    places = places_in_log(house / "log", ACCESS)
    return prove(house / "log", places.access, TrustPolicy.parse(trust_text()), places)


def tlogcheck(*words: str | Path) -> subprocess.CompletedProcess[bytes]:
    program = outside_tools.find("tlogcheck")
    assert program is not None
    return subprocess.run([program, *map(str, words)], capture_output=True, timeout=30, check=False)


def test_it_believes_our_checkpoint_and_our_cosignatures(house: Path) -> None:
    assert tlogcheck("checkpoint", house / "key", Layout(house / "log").checkpoint).returncode == 0
    assert tlogcheck("checkpoint", house / "trust", Layout(house / "log").cosigned).returncode == 0
    assert tlogcheck("checkpoint", house / "trust", Layout(house / "log").checkpoint).returncode == 1


def test_it_believes_our_evidence(house: Path, evidence: Evidence) -> None:
    (house / "evidence.json").write_bytes(evidence.encode())
    done = tlogcheck("evidence", house / "trust", house / "evidence.json")
    assert (done.returncode, done.stdout) == (0, b"proven 11\n")


@pytest.mark.parametrize(
    ("old", "new"),
    [('\\"allow\\"', '\\"deny\\"'), ("audit\\n93\\n", "audit\\n94\\n"), ('"index": 45', '"index": 44')],
)
def test_it_refuses_altered_evidence(house: Path, evidence: Evidence, old: str, new: str) -> None:
    text = evidence.encode().decode()
    assert old in text
    (house / "altered.json").write_text(text.replace(old, new), encoding="utf-8")
    assert tlogcheck("evidence", house / "trust", house / "altered.json").returncode == 1


def test_it_reads_each_record_s_own_proof_and_refuses_it_for_another(house: Path, evidence: Evidence) -> None:
    for entry in evidence.entries:
        proof = TlogProof(entry.index, tuple(entry.path()), evidence.checkpoint.encode(), b"extra")
        (house / "record").write_bytes(entry.record.encode())
        (house / "proof").write_bytes(proof.encode())
        assert tlogcheck("proof", house / "trust", house / "record", house / "proof").returncode == 0
        (house / "record").write_bytes(entry.record.encode() + b" ")
        assert tlogcheck("proof", house / "trust", house / "record", house / "proof").returncode == 1


@pytest.mark.parametrize("old", [1, 2, 31, 32, 64, 92, 93])
def test_it_finds_our_trees_consistent_and_a_rewritten_one_not(house: Path, old: int) -> None:
    with StoredTree(house / "log") as tree:
        path = [base64.b64encode(step).decode() for step in tree.consistency(old, 93)]
        before, after = (f"{size}:{base64.b64encode(tree.root(size)).decode()}" for size in (old, 93))
    assert tlogcheck("consistency", before, after, *path).returncode == 0
    other = f"{old}:{base64.b64encode(bytes(32)).decode()}"
    assert tlogcheck("consistency", other, after, *path).returncode == 1


def test_we_believe_its_cosignature_and_read_its_key(house: Path) -> None:
    seed, name = "5a" * 32, "weather.example/见证"
    key = VerifierKey.parse(tlogcheck("key", name, seed).stdout.decode(), SignatureType.COSIGNATURE)
    checkpoint = Layout(house / "log").checkpoint
    signed = tlogcheck("cosign", name, seed, checkpoint).stdout
    text, _ = split_note(signed)
    assert text == split_note(checkpoint.read_bytes())[0]
    found = verify_cosignature(text, signed.splitlines(keepends=True)[-1], key)
    assert found.time_s > 1_700_000_000
    assert cosigner_key(name, Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))) == key
