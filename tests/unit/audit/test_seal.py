"""Seals: one text for one seal, one log, one key."""

from __future__ import annotations

import pytest
from audit_house import KEY, ORIGIN, PUBLIC
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError

from exchange.audit.proofs.checkpoint import Checkpoint, sign_checkpoint
from exchange.audit.proofs.note import sign_note
from exchange.audit.storage.seal import Seal, open_seal, sign_seal
from exchange.errors import LogCorrupt

SEAL = Seal(origin=ORIGIN, first=3, size=9, length=1200, digest="ab" * 32, root=b"\x01" * 32)


def test_what_is_signed_opens() -> None:
    assert open_seal(sign_seal(SEAL, KEY), PUBLIC) == SEAL


def test_a_seal_of_another_key_is_refused() -> None:
    with pytest.raises(LogCorrupt, match="not by the key given"):
        open_seal(sign_seal(SEAL, Ed25519PrivateKey.from_private_bytes(b"\x08" * 32)), PUBLIC)


def test_a_seal_of_another_log_under_the_same_key_is_refused() -> None:
    other = sign_note(SEAL.model_copy(update={"origin": "other.example/audit"}).text(), ORIGIN, KEY)
    with pytest.raises(LogCorrupt, match="belongs to"):
        open_seal(other, PUBLIC)


def test_a_checkpoint_is_no_seal() -> None:
    checkpoint = Checkpoint(origin=ORIGIN, size=9, root=b"\x01" * 32)
    with pytest.raises(LogCorrupt, match="not a seal"):
        open_seal(sign_checkpoint(checkpoint, KEY), PUBLIC)


def test_a_seal_is_no_checkpoint() -> None:
    with pytest.raises(LogCorrupt):
        Checkpoint.parse(SEAL.text())


@pytest.mark.parametrize(
    ("plain", "other"),
    [
        (b"\n3\n", b"\n03\n"),
        (b"\n1200\n", b"\n 1200\n"),
        (b"abab", b"ABAB"),
        (b"seal\n", b"seal2\n"),
        (b"\n9\n", b"\n9\n9\n"),
        (b"\n9\n", b"\n3\n"),
    ],
)
def test_there_is_one_text_for_one_seal(plain: bytes, other: bytes) -> None:
    with pytest.raises(LogCorrupt):
        Seal.parse(SEAL.text().replace(plain, other, 1))


def test_an_empty_segment_is_never_sealed() -> None:
    with pytest.raises(ValidationError):
        Seal(origin=ORIGIN, first=3, size=3, length=1, digest="ab" * 32, root=b"\x01" * 32)
