"""F1 `kill -9` at each call by which the log's process changes its disk, injected by strace.

The N-th call of a kind is never made: the process is dead before. N counts up until a life ends by itself.
What was acknowledged was said by the process itself, behind the append that returned, so the test knows it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from audit_house import NEVER_SIGN, decision, lines_of, open_log
from mortal_house import ALL, Mortals, survived
from mortal_log import SMALL

from exchange.audit.storage.layout import Layout

CALLS = ("write", "fdatasync", "fsync", "/^rename", "openat", "ftruncate")
ENOUGH = 200

pytestmark = pytest.mark.needs("strace")


@pytest.fixture(scope="module")
def mortals() -> Iterator[Mortals]:
    with Mortals() as found:
        yield found


def died_at_each(mortals: Mortals, call: str, folder: Path, who: str = ALL, start: Path | None = None) -> int:
    """Kill at the first, the second, ... call; how many there were."""
    before = lines_of(start) if start else []
    for nth in range(1, ENOUGH):
        if start:
            shutil.copytree(start, folder)
        life = mortals.strained(folder, f"{call}:signal=KILL:when={nth}", who=who)
        assert life.killed or (life.status == 0 and "over" in life.said), life.said
        survived(folder, life)
        assert lines_of(folder)[: len(before)] == before
        shutil.rmtree(folder)
        if not life.killed:
            return nth - 1
    raise AssertionError("it was killed again and again")


@pytest.mark.parametrize("call", CALLS)
def test_f01_killed_at_each_call_of_a_logs_first_life(mortals: Mortals, tmp_path: Path, call: str) -> None:
    deaths = died_at_each(mortals, call, tmp_path / "log")
    assert (deaths == 0) == (call == "ftruncate")


@pytest.mark.parametrize("call", CALLS[:-1])
@pytest.mark.parametrize("who", ["audit-writer", "audit-signer"])
def test_f01_killed_at_each_call_of_one_of_its_threads(
    mortals: Mortals, tmp_path: Path, call: str, who: str
) -> None:
    deaths = died_at_each(mortals, call, tmp_path / "log", who)
    assert (deaths == 0) == (who == "audit-writer" and call == "/^rename")


@pytest.mark.parametrize("call", CALLS)
def test_f01_killed_at_each_call_while_it_recovers_from_a_crash(
    mortals: Mortals, tmp_path: Path, call: str
) -> None:
    running, crashed = tmp_path / "running", tmp_path / "crashed"
    with open_log(running, limits=SMALL) as log:
        for number in range(4):
            log.append(decision(number))
    with open_log(running, limits=NEVER_SIGN) as log:
        log.append(decision(4))
        shutil.copytree(running, crashed)
    layout = Layout(crashed)
    layout.seals()[-1].unlink()
    with layout.segments()[-1].open("ab") as file:
        file.write(b"#batch 9 1 500 ")
    layout.leaves.write_bytes(layout.leaves.read_bytes()[:-7] + b"\0" * 20)

    deaths = died_at_each(mortals, call, tmp_path / "log", start=crashed)

    assert deaths >= 1
