"""The threat model names tests that exist, every threat test, every threat and every fault."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TEXT.splitlines()
    if re.match(r"\| ([TF]\d|all)", line)
]
THREATS = {f"T{number}" for number in range(1, 67)} - {"T15"}
FAULTS = {f"F{number}" for number in range(1, 27)}


def numbers(cell: str) -> set[str]:
    """The numbers a first cell stands for: `T1`, `T6, T7`, `T2–T4`."""
    found: set[str] = set()
    for part in cell.split(", "):
        kind, first, last = re.fullmatch(r"([TF])(\d+)(?:–[TF](\d+))?", part).groups()  # type: ignore[union-attr]
        found |= {f"{kind}{number}" for number in range(int(first), int(last or first) + 1)}
    return found


def test_every_threat_and_fault_has_one_row() -> None:
    listed = [number for row in ROWS if row[0] != "all" for number in numbers(row[0])]
    assert set(listed) == THREATS | FAULTS
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:tests|exchange|connectors)/[^`]+)`", TEXT))))
def test_what_the_table_names_exists(path: str) -> None:
    assert (ROOT / path).exists()


def test_every_threat_test_is_in_the_table() -> None:
    there = {f"tests/threats/{path.name}" for path in (ROOT / "tests" / "threats").glob("test_*.py")}
    faults = {f"tests/faults/{path.name}" for path in (ROOT / "tests" / "faults").glob("test_*.py")}
    assert there | faults <= set(re.findall(r"`(tests/[^`]+)`", TEXT))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_row_is_held_by_a_test_or_says_what_is_missing(row: list[str]) -> None:
    _, _, _, proof, state = row
    assert state.split(":")[0].split(",")[0] in {"held", "part", "later"}
    assert state != "part"
    assert bool(proof) is (state != "later") or state.startswith("part:")


@pytest.mark.parametrize("number", range(24, 41))
def test_every_threat_to_policy_has_a_test_named_after_it(number: int) -> None:
    files = (ROOT / "tests" / "threats").glob("test_*.py")
    named = re.compile(rf"^def test_(?:t\d+_)*t{number}_", re.MULTILINE)
    assert any(named.search(file.read_text(encoding="utf-8")) for file in files)
