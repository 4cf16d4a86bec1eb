"""T59 a broker that lies to its witnesses: none of them cosigns what does not extend what it has seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from audit_house import KEY, ORIGIN, PUBLIC
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exchange.audit.memory import LogMemory
from exchange.audit.proofs.checkpoint import Checkpoint, sign_checkpoint
from exchange.audit.proofs.cosignature import cosigner_key, verify_cosignature
from exchange.audit.proofs.merkle import Frontier, consistency_proof, leaf_hash
from exchange.audit.proofs.note import NOTE_BYTES_MAX, sign_note, split_note, verifier_key
from exchange.connector.alarms import Alarms
from exchange.connector.uplink.witness import Witness
from exchange.connector.uplink.witness_key import WitnessKey
from exchange.model.clock import SystemClock
from exchange.wire import witnessing
from exchange.wire.witnessing import Candidate, Shown

WITNESS = WitnessKey("zhongshui.example/witness/port", Ed25519PrivateKey.from_private_bytes(b"\x05" * 32))
SEEN = 5


def history(size: int, tale: str = "true") -> list[bytes]:
    """Leaf hashes; two tales agree in their first three records."""
    return [leaf_hash(f"{tale if place > 2 else ''}{place}".encode()) for place in range(size)]


def root(hashes: list[bytes]) -> bytes:
    frontier = Frontier()
    frontier.extend(hashes)
    return frontier.root()


def note(hashes: list[bytes], key: Ed25519PrivateKey = KEY, *, size: int | None = None) -> bytes:
    size = len(hashes) if size is None else size
    return sign_checkpoint(Checkpoint(origin=ORIGIN, size=size, root=root(hashes)), key)


def extending(hashes: list[bytes], old: int = SEEN) -> tuple[bytes, ...]:
    return tuple(consistency_proof(old, len(hashes), lambda start, end: root(hashes[start:end])))


@dataclass
class Liar:
    """Answers what a test wants; keeps what it is shown and what is cosigned."""

    answer: Candidate
    shown: list[Shown] = field(default_factory=list)
    cosigned: list[tuple[int, bytes]] = field(default_factory=list)

    def call(self, act: Callable[[Any], Any]) -> Any:
        """As a link does."""
        return act(self)


@pytest.fixture
def liar(monkeypatch: pytest.MonkeyPatch) -> Liar:
    def ask(channel: Liar, shown: Shown, **_: float) -> Candidate:
        channel.shown.append(shown)
        return channel.answer

    def add(channel: Liar, size: int, line: bytes, **_: float) -> None:
        channel.cosigned.append((size, line))

    monkeypatch.setattr(witnessing, "ask_to_witness", ask)
    monkeypatch.setattr(witnessing, "add_cosignature", add)
    return Liar(Candidate(checkpoint=note(history(SEEN)), log_key=PUBLIC.text, wanted=True))


@dataclass
class Watcher:
    """A witness that has seen and cosigned five records."""

    liar: Liar
    folder: Path

    def __post_init__(self) -> None:
        self.alarms, self.memory = Alarms(), LogMemory(self.folder)
        link: Any = self.liar
        self.witness = Witness(link, self.memory, WITNESS, self.alarms, SystemClock(), every_s=1.0)
        self.witness.step()

    @property
    def size(self) -> int:
        assert self.memory.seen is not None
        return self.memory.seen.checkpoint.size


@pytest.fixture
def watcher(liar: Liar, tmp_path: Path) -> Watcher:
    return Watcher(liar, tmp_path / "witness")


def test_what_extends_what_was_seen_is_cosigned(watcher: Watcher, liar: Liar) -> None:
    grown = history(8)
    liar.answer = Candidate(checkpoint=note(grown), proof=extending(grown), wanted=True)

    watcher.witness.step()

    assert [size for size, _ in liar.cosigned] == [SEEN, 8]
    key = cosigner_key(WITNESS.name, WITNESS.key)
    verify_cosignature(split_note(note(grown))[0], liar.cosigned[-1][1], key)
    assert not watcher.alarms.standing


OTHER = history(8, "other")
LIES = {
    "the other history, with the proof that is true of it": Candidate(
        checkpoint=note(OTHER), proof=extending(OTHER), wanted=True
    ),
    "the other history at the same size": Candidate(checkpoint=note(OTHER[:SEEN]), wanted=True),
    "an old checkpoint again": Candidate(checkpoint=note(history(3)), wanted=True),
    "an old checkpoint with the proof that leads from it": Candidate(
        checkpoint=note(history(3)), proof=extending(history(SEEN), 3), wanted=True
    ),
    "an empty log": Candidate(checkpoint=note([]), wanted=True),
    "the true one without a proof": Candidate(checkpoint=note(history(8)), wanted=True),
    "the true one with a proof too long": Candidate(
        checkpoint=note(history(8)), proof=(*extending(history(8)), b"\0" * 32), wanted=True
    ),
    "a proof of a hundred thousand hashes": Candidate(
        checkpoint=note(history(8)), proof=(b"\0" * 32,) * 100_000, wanted=True
    ),
    "a proof of one hash of a megabyte": Candidate(
        checkpoint=note(history(8)), proof=(b"\0" * (1 << 20),), wanted=True
    ),
    "a log of four quadrillion records": Candidate(
        checkpoint=note(history(8), size=1 << 52), proof=(b"\0" * 32,) * 60, wanted=True
    ),
    "another log's checkpoint": Candidate(
        checkpoint=note(history(8), Ed25519PrivateKey.from_private_bytes(b"\x08" * 32)),
        proof=extending(history(8)),
        wanted=True,
    ),
    "a key that is not the log's": Candidate(
        checkpoint=note(history(8)),
        proof=extending(history(8)),
        log_key=verifier_key(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"\x08" * 32)).text,
        wanted=True,
    ),
    "nothing": Candidate(checkpoint=b"", wanted=True),
    "the other history in a signed note of eight megabytes": Candidate(
        checkpoint=sign_note(split_note(note(OTHER))[0] + b"x" * (8 << 20) + b"\n", ORIGIN, KEY),
        proof=extending(OTHER),
        wanted=True,
    ),
    "a note of eight megabytes": Candidate(checkpoint=note(history(8)) * 40_000, wanted=True),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_lie_is_not_cosigned_and_raises_the_alarm(watcher: Watcher, liar: Liar, lie: Candidate) -> None:
    liar.answer = lie

    for _ in range(3):
        watcher.witness.step()

    assert [size for size, _ in liar.cosigned] == [SEEN]
    assert watcher.size == SEEN
    assert "witness" in watcher.alarms.standing
    assert max(len(shown.refused) for shown in liar.shown) <= NOTE_BYTES_MAX
    kept = sum(path.stat().st_size for path in watcher.folder.rglob("*") if path.is_file())
    assert kept < 1 << 16


def test_a_witness_that_was_lied_to_tells_with_what_and_cosigns_the_truth_again(
    watcher: Watcher, liar: Liar
) -> None:
    liar.answer = LIES["the other history at the same size"]
    watcher.witness.step()
    grown = history(8)
    liar.answer = Candidate(checkpoint=note(grown), proof=extending(grown), wanted=True)

    watcher.witness.step()

    assert liar.shown[-1] == Shown(seen=note(history(SEEN)), refused=note(OTHER[:SEEN]))
    assert [size for size, _ in liar.cosigned] == [SEEN, 8]
    assert "witness" in watcher.alarms.standing, "the evidence is still there"


def test_two_witnesses_who_are_told_two_histories_cosign_no_text_in_common(
    watcher: Watcher, liar: Liar, tmp_path: Path
) -> None:
    liar.answer = Candidate(checkpoint=note(OTHER[:SEEN]), log_key=PUBLIC.text, wanted=True)
    other = Watcher(liar, tmp_path / "other")

    grown = history(8)
    liar.answer = Candidate(checkpoint=note(grown), proof=extending(grown), wanted=True)
    watcher.witness.step()
    other.witness.step()

    assert (watcher.size, other.size) == (8, SEEN)
    assert other.memory.evidence is not None
    assert not watcher.alarms.standing
