"""A disk that forgets at a power cut what was not synced: any part of it, in any order, as real ones do."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from exchange.audit.storage.disk import SystemDisk

SECTOR = 64
"""Bytes that reach the disk together; far fewer than in truth, so that small logs have many."""


@dataclass
class File:
    """What was last synced of a file, and what programs see of it.

    Attributes:
        named: whether its name is durable, too.
    """

    durable: bytes = b""
    seen: bytes = b""
    named: bool = False

    def after_a_cut(self, chance: Random) -> bytes | None:
        """One of the contents that may be found then; None for no file."""
        if not self.named and chance.random() < 0.5:
            return None
        size = chance.choice([len(self.durable), len(self.seen), chance.randint(0, len(self.seen))])
        size = max(size, min(len(self.durable), len(self.seen)))
        found = bytearray(size)
        for at in range(0, size, SECTOR):
            source = self.durable if chance.random() < 0.5 else self.seen
            part = source[at : at + SECTOR][: size - at]
            found[at : at + len(part)] = part
        return bytes(found)


@dataclass
class Moment:
    """Everything just before one act of the disk, and what had been acknowledged by then."""

    files: dict[Path, File]
    acknowledged: list[int]
    checkpoint: bytes

    def leaves_behind(self, folder: Path, chance: Random) -> None:
        """Make a folder that may be found after a power cut at that moment."""
        for path, file in self.files.items():
            content = file.after_a_cut(chance)
            if content is not None:
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_bytes(content)


@dataclass
class ForgetfulDisk(SystemDisk):
    """Knows of each file in the folder what a power cut leaves of it.

    Attributes:
        folder: of the log; empty in the beginning.
        moments: one before each act.
        acknowledged: kept by the test.
    """

    folder: Path
    moments: list[Moment] = field(default_factory=list)
    acknowledged: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._one = threading.RLock()
        self._files: dict[Path, File] = {}
        self._paths: dict[int, Path] = {}

    def _act(self) -> None:
        files = {path: File(file.durable, file.seen, file.named) for path, file in self._files.items()}
        checkpoint = self._files.get(Path("checkpoint"), File()).durable
        self.moments.append(Moment(files, list(self.acknowledged), checkpoint))

    def _file(self, descriptor: int) -> File:
        path = self._paths[descriptor]
        file = self._files[path]
        file.seen = (self.folder / path).read_bytes()
        return file

    def _name(self, folder: Path) -> None:
        for name, file in self._files.items():
            file.named |= self.folder / name.parent == folder

    def open(self, path: Path) -> int:
        """A file that is made has no durable name before its folder is synced."""
        with self._one:
            self._act()
            descriptor = super().open(path)
            self._paths[descriptor] = path.relative_to(self.folder)
            self._files.setdefault(self._paths[descriptor], File())
            return descriptor

    def write(self, descriptor: int, data: bytes) -> int:
        """Nothing of it is durable yet."""
        with self._one:
            self._act()
            count = super().write(descriptor, data)
            self._file(descriptor)
            return count

    def truncate(self, descriptor: int, size: int) -> None:
        """Nor is this."""
        with self._one:
            self._act()
            super().truncate(descriptor, size)
            self._file(descriptor)

    def sync(self, descriptor: int) -> None:
        """Now it is."""
        with self._one:
            self._act()
            super().sync(descriptor)
            file = self._file(descriptor)
            file.durable = file.seen

    def sync_folder(self, path: Path) -> None:
        """Now its names are."""
        with self._one:
            self._act()
            super().sync_folder(path)
            self._name(path)

    def replace(self, path: Path, data: bytes) -> None:
        """Durable at once, or not at all."""
        with self._one:
            self._act()
            SystemDisk().replace(path, data)
            self._files[path.relative_to(self.folder)] = File(data, data)
            self._name(path.parent)
