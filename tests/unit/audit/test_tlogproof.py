"""Offline proofs of one record (c2sp.org/tlog-proof)."""

from __future__ import annotations

import base64

import pytest

from exchange.audit.proofs.tlogproof import TlogProof
from exchange.errors import LogCorrupt

STEPS = (b"\x01" * 32, b"\x02" * 32)
NOTE = "zhongshui.example/audit\n3\nAAAA\n\n— zhongshui.example/audit AAAA\n".encode()
PROOF = TlogProof(2, STEPS, NOTE)
TEXT = PROOF.encode()


def test_it_reads_as_the_spec_shows() -> None:
    first, second = (base64.b64encode(step).decode() for step in STEPS)
    assert f"c2sp.org/tlog-proof@v1\nindex 2\n{first}\n{second}\n\n".encode() + NOTE == TEXT


def test_extra_data_stands_in_the_second_line() -> None:
    with_extra = TlogProof(0, (), NOTE, b"more")
    assert with_extra.encode().startswith(b"c2sp.org/tlog-proof@v1\nextra bW9yZQ==\nindex 0\n\n")
    assert TlogProof.parse(with_extra.encode()) == with_extra


def test_it_comes_back_as_it_was_written() -> None:
    assert TlogProof.parse(TEXT) == PROOF


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"c2sp.org/tlog-proof@v1\n\n" + NOTE,
        TEXT.replace(b"@v1", b"@v2"),
        TEXT.replace(b"index 2", b"index 02"),
        TEXT.replace(b"index 2", b"index -1"),
        TEXT.replace(b"index 2\n", b""),
        TEXT.replace(b"AQEB", b"AQE\n"),
        TEXT.replace(b"index 2\n", b"index 2\nAAAA\n"),
        TEXT.replace(b"\n\n", b"\n"),
        TEXT.replace(b"index 2\n", b"extra \xff\nindex 2\n"),
    ],
)
def test_what_is_not_of_the_form_is_refused(text: bytes) -> None:
    with pytest.raises(LogCorrupt, match="tlog-proof"):
        TlogProof.parse(text)
