"""F2, F3 the kernel itself answers EIO or ENOSPC, at each call of the real process; injected by strace."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from mortal_house import ALL, Call, Life, Mortals, calls_in, survived

ENOUGH = 200
RECORDS = 6
CHANGES = {"write", "fdatasync", "fsync", "rename"}
WHO = [ALL, "audit-writer", "audit-signer"]

pytestmark = pytest.mark.needs("strace")


@pytest.fixture(scope="module")
def mortals() -> Iterator[Mortals]:
    with Mortals() as found:
        yield found


def each_error(
    mortals: Mortals, folder: Path, call: str, error: str, who: str
) -> Iterator[tuple[Life, list[Call]]]:
    """Lives in which the first, second, ... call fails, and what each called in the log's folder."""
    trace = folder.with_name("trace")
    for nth in range(1, ENOUGH):
        life = mortals.strained(folder, f"{call}:error={error}:when={nth}", who=who, trace=trace)
        calls = calls_in(folder, trace)
        if "INJECTED" not in trace.read_text(encoding="utf-8"):
            assert nth > 1
            return
        yield life, calls
        survived(folder, life)
        shutil.rmtree(folder)
    raise AssertionError("every life saw an error")


def changes_behind_a_failure(calls: list[Call]) -> list[Call]:
    """What the thread that met an error then still did to the disk."""
    failed: set[str] = set()
    found = []
    for call in calls:
        if call.thread in failed and call.name in CHANGES and not call.injected:
            found.append(call)
        if call.injected:
            failed.add(call.thread)
    return found


def done_behind_a_refusal(life: Life) -> list[str]:
    refused = next((at for at, line in enumerate(life.said) if line.startswith("refused")), len(life.said))
    return [line for line in life.said[refused:] if line.startswith("done")]


@pytest.mark.parametrize("call", ["fdatasync", "fsync"])
@pytest.mark.parametrize("who", WHO)
def test_f02_after_a_sync_that_failed_none_is_tried_again_and_nothing_is_acknowledged(
    mortals: Mortals, tmp_path: Path, call: str, who: str
) -> None:
    for life, calls in each_error(mortals, tmp_path / "log", call, "EIO", who):
        assert any(each.injected for each in calls)
        assert changes_behind_a_failure(calls) == []
        assert done_behind_a_refusal(life) == []


@pytest.mark.parametrize("who", WHO)
def test_f02_not_even_for_want_of_space_is_a_file_synced_again_that_records_or_hashes_are_appended_to(
    mortals: Mortals, tmp_path: Path, who: str
) -> None:
    for life, calls in each_error(mortals, tmp_path / "log", "fdatasync", "ENOSPC", who):
        assert any(each.injected for each in calls)
        assert changes_behind_a_failure(calls) == []
        assert done_behind_a_refusal(life) == []


@pytest.mark.parametrize("who", WHO)
def test_f02_a_write_that_failed_is_not_followed_by_another(
    mortals: Mortals, tmp_path: Path, who: str
) -> None:
    for life, calls in each_error(mortals, tmp_path / "log", "write", "EIO", who):
        if any(each.injected for each in calls):  # not one of the lines that the process says
            assert changes_behind_a_failure(calls) == []
            assert done_behind_a_refusal(life) == []


@pytest.mark.parametrize(
    ("who", "call"),
    [
        ("audit-writer", "write"),
        ("audit-writer", "openat"),
        ("audit-signer", "write"),
        ("audit-signer", "openat"),
        ("audit-signer", "/^rename"),
    ],
)
def test_f03_whatever_finds_no_space_once_is_made_up_for_and_nothing_is_lost(
    mortals: Mortals, tmp_path: Path, who: str, call: str
) -> None:
    for life, calls in each_error(mortals, tmp_path / "log", call, "ENOSPC", who):
        if any(Path(each.path).is_dir() for each in calls if each.injected):
            continue  # opening a folder to sync it needs no space: no disk answers so
        assert (life.status, life.said[-1]) == (0, "over")
        assert len(life.done) == RECORDS
        assert len(life.refused) <= 1
