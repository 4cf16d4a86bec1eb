"""Signed notes and checkpoints (c2sp.org), with the vectors that golang.org/x/mod/sumdb/note publishes."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exchange.audit.proofs.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from exchange.audit.proofs.merkle import EMPTY_ROOT
from exchange.audit.proofs.note import VerifierKey, open_note, sign_note, verifier_key
from exchange.errors import ConfigError, LogCorrupt

PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
TEXT = (
    b"If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
)
SIGNED = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
SIGNATURE = f"— PeterNeumann {SIGNED}\n"
NOTE = TEXT + b"\n" + SIGNATURE.encode()


def test_the_published_note_opens_under_the_published_key() -> None:
    assert open_note(NOTE, [VerifierKey.parse(PETER)]) == TEXT


def test_signing_reproduces_the_published_note_byte_for_byte() -> None:
    key = Ed25519PrivateKey.from_private_bytes(PETER_SEED)
    assert sign_note(TEXT, "PeterNeumann", key) == NOTE
    assert verifier_key("PeterNeumann", key).text == PETER


def test_no_part_of_a_verifier_key_can_be_changed_or_left_out() -> None:
    for start in range(len(PETER)):
        for end in range(start + 1, len(PETER) + 1):
            if (start, end) != (0, len(PETER)):
                with pytest.raises(ConfigError):
                    VerifierKey.parse(PETER[start:end])
    for at in range(len(PETER)):
        changed = PETER[:at] + chr(ord(PETER[at]) + 1) + PETER[at + 1 :]
        with pytest.raises(ConfigError):
            VerifierKey.parse(changed)


def test_a_signature_of_an_unknown_key_is_passed_over() -> None:
    stranger = sign_note(TEXT, "witness.example", Ed25519PrivateKey.generate())
    line = stranger[len(TEXT) + 1 :]
    assert open_note(NOTE + line, [VerifierKey.parse(PETER)]) == TEXT
    with pytest.raises(LogCorrupt, match=r"witness\.example"):
        open_note(stranger, [VerifierKey.parse(PETER)])


def test_one_wrong_signature_under_a_known_key_spoils_the_note() -> None:
    with pytest.raises(LogCorrupt, match="does not fit"):
        open_note(NOTE.replace(b"answer", b"Answer"), [VerifierKey.parse(PETER)])


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"text\n",
        NOTE[:-1],
        NOTE.replace(b"\n\n", b"\n"),
        NOTE.replace(b"problem,", b"problem\r"),
        NOTE.replace("—".encode(), b"--"),
        NOTE.replace(b"x08go", b"x0!go"),
        NOTE.replace(b"PeterNeumann ", b""),
        NOTE + b"\xff\n",
        TEXT + b"\n" + SIGNATURE.encode() * 101,
    ],
)
def test_a_malformed_note_is_refused(note: bytes) -> None:
    with pytest.raises(LogCorrupt):
        open_note(note, [VerifierKey.parse(PETER)])


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u3000b"])
def test_a_key_name_without_a_standard_form_is_refused(name: str) -> None:
    with pytest.raises(ConfigError):
        verifier_key(name, Ed25519PrivateKey.generate())


@pytest.mark.parametrize("text", [b"no newline", b"tab\tin it\n"])
def test_a_text_that_is_no_note_text_is_not_signed(text: bytes) -> None:
    with pytest.raises(ValueError, match="newline"):
        sign_note(text, "a", Ed25519PrivateKey.generate())


class TestCheckpoint:
    key = Ed25519PrivateKey.generate()
    whole = Checkpoint(origin="zhongshui.example/audit", size=7, root=EMPTY_ROOT)

    def test_reads_as_the_spec_shows(self) -> None:
        root = base64.b64encode(EMPTY_ROOT).decode()
        assert self.whole.text().decode() == f"zhongshui.example/audit\n7\n{root}\n"

    def test_comes_back_as_it_was_signed(self) -> None:
        public = verifier_key("zhongshui.example/audit", self.key)
        assert open_checkpoint(sign_checkpoint(self.whole, self.key), public) == self.whole

    def test_extension_lines_are_passed_over(self) -> None:
        with_more = self.whole.text() + b"more\n"
        assert Checkpoint.parse(with_more) == self.whole

    @pytest.mark.parametrize("size", ["07", "-1", "", "1e3", "99999999999999999999", "٣"])
    def test_a_size_has_one_spelling(self, size: str) -> None:
        with pytest.raises(LogCorrupt):
            Checkpoint.parse(self.whole.text().replace(b"\n7\n", f"\n{size}\n".encode()))

    def test_a_root_is_32_bytes_in_standard_base64(self) -> None:
        with pytest.raises(LogCorrupt):
            Checkpoint.parse(b"a\n1\nAAAA\n")
        with pytest.raises(LogCorrupt):
            Checkpoint.parse(self.whole.text().replace(b"=\n", b"\n"))
