"""The few acts of a disk on which durability rests, handed in so that tests can let each of them fail."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Protocol


class Disk(Protocol):
    """What the log's writer asks of a disk. Every act raises OSError when it fails; none retries."""

    def open(self, path: Path) -> int:
        """A descriptor for appending; the file is created if it is missing."""

    def write(self, descriptor: int, data: bytes) -> int:
        """Append; the number of bytes written, which may be fewer than asked."""

    def sync(self, descriptor: int) -> None:
        """Make what was written durable (fdatasync)."""

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut the file."""

    def close(self, descriptor: int) -> None:
        """Give the descriptor back."""

    def replace(self, path: Path, data: bytes) -> None:
        """Put the data in the file's place, durably and whole or not at all."""

    def sync_folder(self, path: Path) -> None:
        """Make names created in the folder durable."""


class SystemDisk:
    """The disk of the machine."""

    def open(self, path: Path) -> int:
        """A descriptor for appending."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)

    def write(self, descriptor: int, data: bytes) -> int:
        """Append."""
        return os.write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        """fdatasync(2): the data and the size, which is all that a reader needs.

        Want of space is no excuse: what was appended may be gone, and the next sync says all is well (F2).
        """
        try:
            os.fdatasync(descriptor)
        except OSError as error:
            raise OSError(errno.EIO, f"sync failed: {error.strerror}") from error

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut the file."""
        os.ftruncate(descriptor, size)

    def close(self, descriptor: int) -> None:
        """Give the descriptor back."""
        os.close(descriptor)

    def replace(self, path: Path, data: bytes) -> None:
        """Write beside, sync, rename over, sync the folder."""
        beside = path.with_name(path.name + ".new")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
        try:
            write_all(self, descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        beside.replace(path)
        self.sync_folder(path.parent)

    def sync_folder(self, path: Path) -> None:
        """fsync(2) on the folder."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_all(disk: Disk, descriptor: int, data: bytes) -> None:
    """Append all of the data, in as many writes as the disk takes.

    Raises:
        OSError: a write failed; part of the data may stand in the file.
    """
    left = memoryview(data)
    while left:
        left = left[disk.write(descriptor, bytes(left) if len(left) < len(data) else data) :]
