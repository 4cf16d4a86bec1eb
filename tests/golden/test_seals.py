"""A seal written today must open in ten years: today's writer signs this file byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest
from audit_house import KEY, ORIGIN, PUBLIC

from exchange.audit.storage.seal import Seal, open_seal, sign_seal
from exchange.errors import LogCorrupt

GOLDEN = (Path(__file__).parent / "audit" / "seal").read_bytes()
SEAL = Seal(origin=ORIGIN, first=4096, size=8192, length=3_211_264, digest="5e" * 32, root=b"\x17" * 32)


def test_today_s_seal_is_the_golden_one() -> None:
    assert sign_seal(SEAL, KEY) == GOLDEN


def test_the_golden_seal_opens() -> None:
    assert open_seal(GOLDEN, PUBLIC) == SEAL


@pytest.mark.parametrize("line", [b"exchange.v1.seal", b"4096", b"8192", b"3211264", b"5e5e5e", b"FxcX"])
def test_nothing_in_it_can_be_changed(line: bytes) -> None:
    changed = GOLDEN.replace(line, line[:-1] + b"7" if line[-1:] != b"7" else line[:-1] + b"8", 1)
    assert changed != GOLDEN
    with pytest.raises(LogCorrupt):
        open_seal(changed, PUBLIC)
