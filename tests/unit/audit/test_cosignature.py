"""Cosignatures (c2sp.org/tlog-cosignature), checked against the spec's own words."""

from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exchange.audit.proofs.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from exchange.audit.proofs.cosignature import cosign, cosigner_key, verify_cosignature, with_signatures
from exchange.audit.proofs.merkle import EMPTY_ROOT
from exchange.audit.proofs.note import SignatureType, VerifierKey, open_note, verifier_key
from exchange.errors import ConfigError, LogCorrupt

LOG = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
WITNESS = Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)
NAME = "port.zhongshui.example/见证"
NOTE = sign_checkpoint(Checkpoint(origin="zhongshui.example/audit", size=7, root=EMPTY_ROOT), LOG)
TEXT = NOTE[: NOTE.index(b"\n\n") + 1]
LINE = cosign(TEXT, NAME, WITNESS, 1679315147)
KEY = cosigner_key(NAME, WITNESS)


def test_the_signed_message_is_that_of_the_spec() -> None:
    name, data = LINE.decode().removeprefix("— ").removesuffix("\n").split(" ")
    raw = base64.b64decode(data)
    public = WITNESS.public_key().public_bytes_raw()
    assert (name, len(raw)) == (NAME, 4 + 8 + 64)
    assert raw[:4] == hashlib.sha256(NAME.encode() + b"\n\x04" + public).digest()[:4]
    assert raw[4:12] == (1679315147).to_bytes(8, "big")
    WITNESS.public_key().verify(raw[12:], b"cosignature/v1\ntime 1679315147\n" + TEXT)


def test_a_witness_key_reads_back_from_its_published_form() -> None:
    assert VerifierKey.parse(KEY.text, SignatureType.COSIGNATURE) == KEY
    assert base64.b64decode(KEY.text.split("+", 2)[2])[0] == 4


def test_a_witness_key_is_no_logs_key_nor_the_other_way_round() -> None:
    with pytest.raises(ConfigError, match="no log's key"):
        VerifierKey.parse(KEY.text)
    with pytest.raises(ConfigError, match="no witness's key"):
        VerifierKey.parse(verifier_key(NAME, WITNESS).text, SignatureType.COSIGNATURE)


def test_the_cosignature_verifies_and_tells_its_time() -> None:
    found = verify_cosignature(TEXT, LINE, KEY)
    assert (found.key, found.time_s) == (KEY, 1679315147)


def test_another_text_another_time_or_another_key_does_not_verify() -> None:
    with pytest.raises(LogCorrupt, match="does not fit"):
        verify_cosignature(TEXT.replace(b"\n7\n", b"\n8\n"), LINE, KEY)
    raw = bytearray(base64.b64decode(LINE.split(b" ")[-1]))
    raw[11] ^= 1
    later = " ".join(["—", NAME, base64.b64encode(bytes(raw)).decode()]).encode() + b"\n"
    with pytest.raises(LogCorrupt, match="does not fit"):
        verify_cosignature(TEXT, later, KEY)
    with pytest.raises(LogCorrupt, match="not by the key"):
        verify_cosignature(TEXT, LINE, cosigner_key(NAME, LOG))


def test_extension_lines_are_cosigned_too() -> None:
    more = TEXT + b"more\n"
    assert verify_cosignature(more, cosign(more, NAME, WITNESS, 0), KEY).time_s == 0
    with pytest.raises(LogCorrupt):
        verify_cosignature(TEXT, cosign(more, NAME, WITNESS, 0), KEY)


@pytest.mark.parametrize("line", [b"", LINE * 2, LINE[:-1], b"no line\n", LINE + b"\n"])
def test_an_answer_that_is_not_one_line_is_refused(line: bytes) -> None:
    with pytest.raises(LogCorrupt):
        verify_cosignature(TEXT, line, KEY)


def test_a_time_that_is_no_posix_time_is_not_signed() -> None:
    for time_s in (-1, 2**63):
        with pytest.raises(ValueError, match="time"):
            cosign(TEXT, NAME, WITNESS, time_s)


def test_lines_gather_under_the_note_and_none_stands_twice() -> None:
    once = with_signatures(NOTE, [LINE])
    assert once == NOTE + LINE
    assert with_signatures(once, [LINE, LINE]) == once
    assert open_note(once, [verifier_key("zhongshui.example/audit", LOG), KEY]) == TEXT


def test_a_witnesss_word_does_not_stand_for_the_logs() -> None:
    key = cosigner_key("zhongshui.example/audit", WITNESS)
    note = TEXT + b"\n" + cosign(TEXT, "zhongshui.example/audit", WITNESS, 1)
    with pytest.raises(LogCorrupt, match="witness's"):
        open_checkpoint(note, key)
