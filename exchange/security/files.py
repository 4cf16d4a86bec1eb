"""Files that hold keys and certificates: private where they must be, and written whole or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from exchange.errors import ConfigError

PRIVATE_MODE = 0o600
PUBLIC_MODE = 0o644
FOLDER_MODE = 0o700
FILE_BYTES_MAX = 1 << 20


def read_public(path: Path) -> bytes:
    """The content of a file that anybody may read.

    Raises:
        ConfigError: the file is missing, is no regular file, cannot be read, or is larger than 1 MiB.
    """
    return _read(path, private=False)


def read_private(path: Path) -> bytes:
    """The content of a file that only its owner may read.

    Raises:
        ConfigError: as `read_public`, or group or others can reach the file.
    """
    return _read(path, private=True)


def _read(path: Path, *, private: bool) -> bytes:
    try:
        # Non-blocking, or a named pipe put here would hold the process for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            # The open file is what is checked, so that nobody can swap it between check and read.
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ConfigError(f"{path} is not a regular file")
            if private and status.st_mode & 0o077:
                raise ConfigError(
                    f"{path} holds a private key and others can read it (mode {status.st_mode & 0o777:04o})",
                    hint=f"chmod 600 {path}",
                )
            content = file.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        raise ConfigError(
            f"{path} does not exist", hint="`exchange pki issue` writes keys and certificates"
        ) from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}") from None
    if len(content) > FILE_BYTES_MAX:
        raise ConfigError(f"{path} is larger than 1 MiB", hint="a key or certificate file is a few KiB")
    return content


def make_folder(path: Path) -> None:
    """Make the folder, and those above it, open to the owner only; an existing one stays as it is.

    Raises:
        ConfigError: it cannot be made.
    """
    try:
        path.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{path} cannot be made: {(error.strerror or str(error)).lower()}") from None


def write_new(path: Path, content: bytes, mode: int) -> None:
    """Write a file that must not exist yet: afterwards it is there whole, or not at all.

    Raises:
        ConfigError: it exists already, or cannot be written.
    """
    temporary = _write_beside(path, content, mode)
    try:
        # A hard link, unlike a rename, never replaces: of two writers exactly one wins.
        os.link(temporary, path)
    except FileExistsError:
        raise ConfigError(
            f"{path} exists already", hint="it is never overwritten; choose another place"
        ) from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {(error.strerror or str(error)).lower()}") from None
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)


def replace(contents: dict[Path, tuple[bytes, int]]) -> None:
    """Replace files by new contents with their modes; each one is at any moment wholly old or wholly new.

    All are written and synced beside their places first and only then renamed, so that files which belong
    together differ for microseconds, never for the length of a write.

    Raises:
        ConfigError: a file cannot be written; then none was replaced, unless the renaming itself failed.
    """
    ready: list[tuple[Path, Path]] = []
    try:
        for path, (content, mode) in contents.items():
            ready.append((_write_beside(path, content, mode), path))
        for temporary, path in ready:
            temporary.replace(path)
    except OSError as error:
        raise ConfigError(f"files cannot be replaced: {(error.strerror or str(error)).lower()}") from None
    finally:
        for temporary, _ in ready:
            temporary.unlink(missing_ok=True)
    for folder in {path.parent for path in contents}:
        _sync_folder(folder)


def append_line(path: Path, line: bytes) -> None:
    """Append one line and make it durable; writers in parallel do not mix.

    Raises:
        ConfigError: it cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, PRIVATE_MODE)
        try:
            written = os.write(descriptor, line + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {(error.strerror or str(error)).lower()}") from None
    if written != len(line) + 1:
        raise ConfigError(f"{path} could only be written in part", hint="make room on the disk")


def _write_beside(path: Path, content: bytes, mode: int) -> Path:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ConfigError(f"{path} cannot be written: {(error.strerror or str(error)).lower()}") from None
    return temporary


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
