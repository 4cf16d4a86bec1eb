"""F1 killed between any two acts of the disk while segments are closed, hashed, signed for and sealed.

Each act of writer and signer is preceded by a copy of the folder: what a process killed there leaves behind.
"""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

from audit_house import PUBLIC, FaultyDisk, decision, judged, lines_of, open_log

from exchange.audit.log import LogLimits
from exchange.audit.records.entry import Entry
from exchange.audit.storage.layout import Layout
from exchange.audit.storage.seal import open_seal

EACH = LogLimits(checkpoint_every_s=0.0, segment_bytes_max=1)
"""A segment for each batch."""


class Witnessed(FaultyDisk):
    """A disk of which, before each act, everything is copied; one act at a time."""

    def __init__(self, folder: Path, copies: Path) -> None:
        super().__init__()
        self._folder, self._copies, self._one = folder, copies, threading.RLock()
        self.acknowledged: list[int] = []
        self.known: list[list[int]] = []

    def _copy(self) -> None:
        shutil.copytree(self._folder, self._copies / f"{len(self.known):04d}")
        self.known.append(list(self.acknowledged))

    def open(self, path: Path) -> int:
        with self._one:
            self._copy()
            return super().open(path)

    def write(self, descriptor: int, data: bytes) -> int:
        """Half of it first, so that there is a copy with half of it."""
        with self._one:
            self._copy()
            return super().write(descriptor, data[: (len(data) + 1) // 2])

    def sync(self, descriptor: int) -> None:
        with self._one:
            self._copy()
            super().sync(descriptor)

    def replace(self, path: Path, data: bytes) -> None:
        with self._one:
            self._copy()
            super().replace(path, data)

    def sync_folder(self, path: Path) -> None:
        with self._one:
            self._copy()
            super().sync_folder(path)


def test_f01_killed_at_any_act_nothing_acknowledged_is_lost_and_every_closed_segment_is_sealed(
    tmp_path: Path,
) -> None:
    folder, copies = tmp_path / "log", tmp_path / "copies"
    open_log(folder, limits=EACH).close()
    disk = Witnessed(folder, copies)
    with open_log(folder, disk=disk, limits=EACH) as log:
        for number in (1, 2):
            log.append(decision(number))
            disk.acknowledged.append(number)
    steps = [copies / f"{step:04d}" for step in range(len(disk.known))]
    assert any(copy.joinpath("segments").glob("*.seal.new") for copy in steps)
    assert any(len(Layout(copy).seals()) < len(Layout(copy).segments()) - 1 for copy in steps)
    for copy, known in zip(steps, disk.known, strict=True):
        open_log(copy, limits=EACH).close()
        found = [int(Entry.parse(line).fields["id"] or "0", 16) for line in lines_of(copy)]
        assert [number for number in found if number][: len(known)] == known, copy.name
        verdict = judged(copy)
        assert verdict.whole, (copy.name, verdict.findings)
        closed = [int(path.stem) for path in Layout(copy).segments()[:-1]]
        seals = [open_seal(path.read_bytes(), PUBLIC) for path in Layout(copy).seals()]
        assert [seal.first for seal in seals] == closed, copy.name
        shutil.rmtree(copy)
