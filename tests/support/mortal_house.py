"""The test's side of `mortal_log.py`: start a life, have strace meddle with it, judge what is left."""

from __future__ import annotations

import base64
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import outside_tools
import pytest
from audit_house import PUBLIC, decision, lines_of, open_log
from mortal_log import ALL, SMALL

from exchange.audit.proofs.checkpoint import open_checkpoint
from exchange.audit.records.entry import Entry
from exchange.audit.storage.layout import Layout
from exchange.audit.verify import verify
from exchange.model.clock import SystemClock

SUPPORT = Path(__file__).parent
_BEGUN = re.compile(r"(?:(\d+) +)?(\w+)\((?:AT_FDCWD<[^>]*>, )?(?:\d+<([^>]*)>|\"([^\"]*)\")")
_RESUMED = re.compile(r"(?:(\d+) +)?<\.\.\. ")
KILLED = -signal.SIGKILL


@dataclass
class Life:
    """What one process said before it ended.

    Attributes:
        status: its exit code; negative for a signal.
        done: index by number of each acknowledged record.
        refused: numbers of refused appends, in order.
        notes: checkpoints it showed.
        said: every line.
    """

    status: int
    said: list[str]
    done: dict[int, int] = field(default_factory=dict)
    refused: list[int] = field(default_factory=list)
    notes: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        for line in self.said:
            match line.split():
                case ["done", number, index]:
                    self.done[int(number)] = int(index)
                case ["refused", number]:
                    self.refused.append(int(number))
                case ["signed", note]:
                    self.notes.append(base64.b64decode(note))

    @property
    def killed(self) -> bool:
        return self.status == KILLED


class Mortals:
    """Lives, one after the other, forked from one process that has loaded everything."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(SUPPORT / "mortal_log.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env={"PYTHONPATH": f"{SUPPORT}{os.pathsep}{SUPPORT.parents[1]}"},
        )
        assert self._process.stdout is not None
        self._lines = os.fdopen(os.dup(self._process.stdout.fileno()), encoding="utf-8")

    def born(self, folder: Path, who: str = ALL, appenders: int = 1, records: int = 6) -> int:
        """A process that waits to be let loose; the id of the thread that is to be traced."""
        self._tell(f"{who} {appenders} {records} {folder}")
        word, thread = self._lines.readline().split()
        assert word == "born"
        return int(thread)

    def let_loose(self) -> Iterator[str]:
        """Let it work; what it says, line by line, until it is dead."""
        self._tell("go")
        return self._said()

    def _said(self) -> Iterator[str]:
        for line in self._lines:
            yield line.rstrip("\n")
            if line.startswith("dead "):
                return

    def lived(self, lines: Iterator[str]) -> Life:
        """Hear it out."""
        *said, last = list(lines)
        return Life(int(last.split()[1]), said)

    def strained(
        self, folder: Path, inject: str, *, who: str = ALL, trace: Path | None = None, records: int = 6
    ) -> Life:
        """A life into which strace injects.

        Args:
            folder: of the log.
            inject: strace's expression, as `fsync:signal=KILL:when=3`; it counts for each thread alone.
            who: name of the one thread that is traced once the log is open; or all, from birth on.
            trace: where the calls are written, with the paths of descriptors.
            records: so many are appended.
        """
        thread = self.born(folder, who, records=records)
        with _traced(thread, inject, trace, everything=who == ALL):
            return self.lived(self.let_loose())

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=10)
        self._process.stdout.close()
        self._lines.close()


@contextmanager
def _traced(thread: int, inject: str, trace: Path | None, *, everything: bool) -> Iterator[None]:
    strace = outside_tools.find("strace")
    assert strace is not None
    calls = inject.partition(":")[0] if trace is None else "openat,write,fdatasync,fsync,/rename.*,ftruncate"
    command = [strace, "-y", "-p", str(thread), "-o", str(trace or os.devnull), "-e", f"trace={calls}"]
    command += ["-e", f"inject={inject}", *(["-f"] if everything else [])]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr is not None
        said = tracer.stderr.readline()
        if "attached" not in said:
            os.kill(thread, signal.SIGKILL)
            pytest.skip(f"strace may not trace here ({said.strip()}): allow ptrace and run this again")
        yield
        tracer.stderr.read()


@dataclass
class Call:
    """One call that was traced, in the order in which they began."""

    thread: str
    name: str
    path: str
    injected: bool


def calls_in(folder: Path, trace: Path) -> list[Call]:
    """What was called on files in the folder."""
    calls: list[Call] = []
    unfinished: dict[str, Call] = {}
    for line in trace.read_text(encoding="utf-8").splitlines():
        injected = line.endswith("(INJECTED)")
        if match := _RESUMED.match(line):
            unfinished[match[1]].injected = injected
        elif match := _BEGUN.match(line):
            thread, name, path, opened = match.groups()
            calls.append(Call(thread, name, path or opened, injected))
            unfinished[thread] = calls[-1]
    return [call for call in calls if call.path.startswith(str(folder))]


def survived(folder: Path, life: Life) -> None:
    """What anybody may demand of the log after that life, whatever ended it."""
    before = max((open_checkpoint(note, PUBLIC).size for note in life.notes), default=0)
    path = Layout(folder).checkpoint
    if path.exists():
        assert open_checkpoint(path.read_bytes(), PUBLIC).size >= before, "a checkpoint went back"
    with open_log(folder, limits=SMALL, clock=SystemClock()) as log:
        index = log.append(decision(1))
        assert index == log.size - 1
    lines = [Entry.parse(line) for line in lines_of(folder)]
    assert [entry.index for entry in lines] == list(range(len(lines)))
    for number, place in life.done.items():
        assert lines[place].fields["id"] == f"{number:032x}", (number, place)
    found = verify(folder, PUBLIC, since=life.notes)
    assert found.whole, found.findings
    assert found.signed == found.records
