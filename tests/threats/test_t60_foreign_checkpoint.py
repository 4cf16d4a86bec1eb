"""T60 another log's checkpoint or key: refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from audit_house import KEY, ORIGIN, filled, judged, open_log
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exchange.audit.proofs.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from exchange.audit.proofs.note import VerifierKey, sign_note, verifier_key
from exchange.audit.storage.layout import Layout
from exchange.audit.verify import verify
from exchange.errors import LogCorrupt

OTHER = Ed25519PrivateKey.from_private_bytes(b"\x08" * 32)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    filled(tmp_path / "log")
    return tmp_path / "log"


@pytest.mark.parametrize(
    "key",
    [verifier_key(ORIGIN, OTHER), verifier_key("elsewhere.example/audit", KEY)],
    ids=["another key of the same name", "the same key under another name"],
)
def test_t60_a_key_that_is_not_this_logs_proves_nothing(log: Path, key: VerifierKey) -> None:
    verdict = verify(log, key)
    assert not verdict.whole
    assert verdict.findings[0].what == "checkpoint"


def test_t60_the_same_records_signed_by_another_log_are_refused(log: Path) -> None:
    own = judged(log)
    foreign = Checkpoint(origin="elsewhere.example/audit", size=own.records, root=bytes.fromhex(own.root))
    Layout(log).checkpoint.write_bytes(sign_checkpoint(foreign, KEY))
    assert [found.what for found in judged(log).findings] == ["checkpoint"]


def test_t60_a_text_about_another_log_under_this_logs_name_is_refused(log: Path) -> None:
    own = judged(log)
    text = f"elsewhere.example/audit\n{own.records}\n".encode()
    text += (
        Checkpoint.parse(Layout(log).checkpoint.read_bytes().split(b"\n\n")[0] + b"\n").text().split(b"\n")[2]
    )
    with pytest.raises(LogCorrupt, match="belongs to"):
        open_checkpoint(sign_note(text + b"\n", ORIGIN, KEY), verifier_key(ORIGIN, KEY))


def test_t60_an_earlier_checkpoint_of_another_log_is_refused(log: Path) -> None:
    foreign = sign_checkpoint(Checkpoint(origin=ORIGIN, size=0, root=b"\0" * 32), OTHER)
    assert not judged(log, since=foreign).whole


def test_t60_a_log_is_not_opened_with_another_key(log: Path) -> None:
    before = {path: path.read_bytes() for path in log.rglob("*") if path.is_file()}
    with pytest.raises(LogCorrupt, match="not by the key"):
        open_log(log, key=OTHER)
    assert {path: path.read_bytes() for path in log.rglob("*") if path.is_file()} == before


def test_t60_a_log_without_its_checkpoint_proves_nothing_and_is_not_opened(log: Path) -> None:
    Layout(log).checkpoint.unlink()
    assert not judged(log).whole
    with pytest.raises(LogCorrupt, match="no signed checkpoint"):
        open_log(log)
