"""F1 `kill -9` of the writer: whatever was acknowledged is there, in its place, and the log starts again."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from audit_house import judged, lines_of

from exchange.audit.records.entry import Entry

WRITER = """
import pathlib, sys, threading
import audit_house
from exchange.model.clock import SystemClock
start = int(sys.argv[2])
log = audit_house.open_log(pathlib.Path(sys.argv[1]), clock=SystemClock())
def work(worker):
    number = start + worker
    while True:
        index = log.append(audit_house.decision(number))
        sys.stdout.write(f"{index} {number}\\n")
        sys.stdout.flush()
        number += 4
for worker in range(4):
    threading.Thread(target=work, args=(worker,)).start()
"""


def test_f01_nothing_acknowledged_is_lost_however_often_the_writer_is_killed(tmp_path: Path) -> None:
    folder, acknowledged, chance = tmp_path / "log", {}, random.Random(7)  # noqa: S311 — when to kill
    support = {"PYTHONPATH": str(Path(__file__).parents[1] / "support")}
    for life in range(4):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder), str(life * 10**9)],
            stdout=subprocess.PIPE,
            text=True,
            env=support,
        ) as writer:
            assert writer.stdout is not None
            told = [writer.stdout.readline()]
            time.sleep(chance.uniform(0.05, 0.25))
            writer.send_signal(signal.SIGKILL)
            told.extend(writer.stdout)
        pairs = [line.split() for line in told if line.endswith("\n")]
        acknowledged |= {int(index): int(number) for index, number in pairs}
        found = [Entry.parse(line) for line in lines_of(folder)]
        assert len(acknowledged) > life
        for index, number in acknowledged.items():
            assert found[index].fields["id"] == f"{number:032x}"
    assert judged(folder).whole
