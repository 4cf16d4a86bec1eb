"""What one party has seen of a log: it only grows, and whatever contradicts it is kept as evidence."""

from __future__ import annotations

from pathlib import Path

import pytest
from audit_house import KEY, ORIGIN, PUBLIC
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exchange.audit.memory import EVIDENCE_MAX, FOREIGN, REWRITTEN, LogMemory
from exchange.audit.proofs.checkpoint import Checkpoint, sign_checkpoint
from exchange.audit.proofs.merkle import consistency_proof, leaf_hash, tree_of
from exchange.audit.proofs.note import verifier_key
from exchange.errors import ConfigError, LogCorrupt

LEAVES = [leaf_hash(bytes([number])) for number in range(40)]
OTHER = [leaf_hash(bytes([number, 1])) for number in range(40)]


def note(size: int, leaves: list[bytes] = LEAVES, key: Ed25519PrivateKey = KEY) -> bytes:
    root = tree_of(leaves)(0, size)
    return sign_checkpoint(Checkpoint(origin=ORIGIN, size=size, root=root), key)


def proof(old: int, new: int) -> list[bytes]:
    return consistency_proof(old, new, tree_of(LEAVES))


@pytest.fixture
def memory(tmp_path: Path) -> LogMemory:
    """It has seen 10 records."""
    found = LogMemory(tmp_path / "memory", PUBLIC)
    found.accept(note(10), [])
    return found


def test_it_grows_with_the_log_and_survives_its_process(memory: LogMemory, tmp_path: Path) -> None:
    memory.accept(note(25), proof(10, 25))
    memory.accept(note(25), [])
    again = LogMemory(tmp_path / "memory", PUBLIC).seen
    assert again is not None
    assert again.checkpoint.size == 25
    assert memory.evidence is None


@pytest.mark.parametrize(
    ("offered", "shown"),
    [
        pytest.param(note(9), [], id="smaller"),
        pytest.param(note(10, OTHER), [], id="another-of-the-same-size"),
        pytest.param(note(25, OTHER), proof(10, 25), id="another-history"),
        pytest.param(note(25), [], id="no-proof"),
        pytest.param(note(25), proof(11, 25), id="proof-of-another-size"),
        pytest.param(note(25), [*proof(10, 25), b"\0" * 32], id="proof-too-long"),
    ],
)
def test_what_does_not_extend_it_is_refused_and_kept(
    memory: LogMemory, tmp_path: Path, offered: bytes, shown: list[bytes]
) -> None:
    before = memory.seen
    for _ in range(2):
        with pytest.raises(LogCorrupt) as caught:
            memory.accept(offered, shown)
        assert caught.value.stable_reason == REWRITTEN
    assert memory.seen == before == LogMemory(tmp_path / "memory", PUBLIC).seen
    assert memory.evidence is not None
    assert {path.read_bytes() for path in memory.evidence.iterdir()} == {note(10), offered}


def test_evidence_is_bounded(memory: LogMemory) -> None:
    for number in range(EVIDENCE_MAX):
        memory.keep(str(number), seen=b"a", offered=b"b")
    assert memory.evidence is not None
    assert len(list(memory.evidence.iterdir())) == EVIDENCE_MAX


@pytest.mark.parametrize("offered", [b"", b"nonsense", note(25, key=Ed25519PrivateKey.generate())])
def test_what_another_key_signed_is_not_of_this_log(memory: LogMemory, offered: bytes) -> None:
    with pytest.raises(LogCorrupt) as caught:
        memory.accept(offered, proof(10, 25))
    assert caught.value.stable_reason == FOREIGN


def test_the_first_key_is_believed_loudly_and_then_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    memory = LogMemory(tmp_path / "memory")
    with pytest.raises(LogCorrupt):
        memory.accept(note(10), [])
    memory.meet(PUBLIC.text)
    assert "believed at first sight" in caplog.text
    memory.accept(note(10), [])
    again = LogMemory(tmp_path / "memory")
    assert again.key == PUBLIC
    with pytest.raises(LogCorrupt) as caught:
        again.meet(verifier_key(ORIGIN, Ed25519PrivateKey.generate()).text)
    assert caught.value.stable_reason == FOREIGN


def test_a_memory_of_another_log_is_not_used(tmp_path: Path, memory: LogMemory) -> None:
    assert memory.seen
    with pytest.raises(ConfigError, match="is not of this log"):
        LogMemory(tmp_path / "memory", verifier_key(ORIGIN, Ed25519PrivateKey.generate()))


def test_within_the_lock_it_knows_what_another_process_accepted(memory: LogMemory, tmp_path: Path) -> None:
    other = LogMemory(tmp_path / "memory", PUBLIC)
    other.accept(note(25), proof(10, 25))
    with memory.locked():
        assert memory.seen is not None
        assert memory.seen.checkpoint.size == 25


def test_without_a_folder_it_lasts_as_long_as_the_process() -> None:
    memory = LogMemory(None, PUBLIC)
    memory.accept(note(10), [])
    with memory.locked():
        assert memory.seen is not None
    with pytest.raises(LogCorrupt):
        memory.accept(note(9), [])
    assert memory.evidence is None
