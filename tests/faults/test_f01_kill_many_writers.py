"""F1 `kill -9` of a log with many appenders, again and again; F23 whoever waits for its log loses nothing."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from audit_house import PUBLIC, lines_of, open_log
from mortal_house import Life, Mortals, survived
from mortal_log import ALL, SMALL

from exchange.audit.log import AuditLog
from exchange.audit.proofs.checkpoint import open_checkpoint
from exchange.audit.records.entry import Entry
from exchange.errors import ConfigError

ROUNDS = 20
APPENDERS = 8
MANY = 10_000
PATIENCE_S = 20.0


@pytest.fixture
def mortals() -> Iterator[Mortals]:
    with Mortals() as found:
        yield found


def until_done(lines: Iterator[str], count: int) -> list[str]:
    """What it says until so many records were acknowledged."""
    said: list[str] = []
    while sum(line.startswith("done") for line in said) < count:
        said.append(next(lines))
    return said


def test_f01_many_appenders_killed_again_and_again_lose_nothing(mortals: Mortals, tmp_path: Path) -> None:
    folder, chance = tmp_path / "log", random.Random(11)  # noqa: S311 - when to kill
    lives: list[Life] = []
    for _ in range(ROUNDS):
        pid = mortals.born(folder, ALL, APPENDERS, MANY)
        lines = mortals.let_loose()
        said = until_done(lines, chance.randint(1, 3 * APPENDERS))
        os.kill(pid, signal.SIGKILL)
        rest = mortals.lived(lines)
        assert rest.killed
        lives.append(Life(rest.status, said + rest.said))
    done = {number: index for life in lives for number, index in life.done.items()}
    assert len(done) >= ROUNDS
    survived(folder, Life(lives[-1].status, [line for life in lives for line in life.said]))
    sizes = [open_checkpoint(note, PUBLIC).size for life in lives for note in life.notes[:1]]
    assert sizes == sorted(sizes)


def waited_for(folder: Path) -> AuditLog:
    """The log, as a second broker gets it that is started again until it may."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with suppress(ConfigError):
            return open_log(folder, limits=SMALL)
        time.sleep(0.001)
    raise AssertionError("the log of a dead process is still locked")


def test_f23_who_waits_for_the_log_gets_it_when_the_first_is_killed_and_finds_all_that_was_told(
    mortals: Mortals, tmp_path: Path
) -> None:
    folder = tmp_path / "log"
    pid = mortals.born(folder, ALL, 2, MANY)
    lines = mortals.let_loose()
    said = until_done(lines, 5)
    with pytest.raises(ConfigError, match="another process is writing"):
        open_log(folder)
    said += until_done(lines, 5)
    os.kill(pid, signal.SIGKILL)
    with waited_for(folder) as log:
        rest = mortals.lived(lines)
        first = Life(rest.status, said + rest.said)
        assert first.killed
        found = [Entry.parse(line).fields["id"] for line in log.read()]
    assert all(found[index] == f"{number:032x}" for number, index in first.done.items())
    survived(folder, first)
    assert len(lines_of(folder)) > len(first.done)


def test_f23_of_two_processes_that_open_one_log_at_once_one_writes_and_the_other_is_refused(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "log"
    with Mortals() as first, Mortals() as second:
        for each in (first, second):
            each.born(folder, ALL, 1, 200)
        runs = [each.let_loose() for each in (first, second)]
        heads = [next(run) for run in runs]
        lives = [
            each.lived(iter([head, *run]))
            for each, head, run in zip((first, second), heads, runs, strict=True)
        ]
    assert sorted(life.status for life in lives) == [0, 1]
    (refused,) = [life for life in lives if life.status == 1]
    assert "another process is writing" in " ".join(refused.said)
    assert not refused.done
    (wrote,) = [life for life in lives if life.status == 0]
    assert len(wrote.done) == 200
    survived(folder, wrote)
