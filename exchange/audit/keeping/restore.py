"""The way back: an archive becomes a log's folder again.

Nothing is judged here: an altered archive is evidence, and `verify` names the record. Whether the log may go
on from here is for the broker's witnesses to say: they have seen what came later, if anything did (F24).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from exchange.audit.keeping.packed import SUFFIX, pieces_of, settle, unpacked
from exchange.audit.proofs.checkpoint import SIZE_MAX
from exchange.audit.proofs.note import NOTE_BYTES_MAX, split_note
from exchange.audit.storage.layout import Layout, first_index, read_bounded
from exchange.audit.storage.seal import Seal
from exchange.audit.storage.segment import BATCH_BYTES_MAX
from exchange.errors import ConfigError, LogCorrupt

_NAME = re.compile(rf"[0-9]{{20}}\.log{re.escape(SUFFIX)}")
Progress = Callable[[int, int], None]
"""Called with segments done and segments in all."""


@dataclass(frozen=True)
class Restored:
    """What came back: segments with their records, and bytes of them."""

    segments: int
    length: int


def restore(archive: Path, to: Path, *, progress: Progress | None = None) -> Restored:
    """Unpack an archive into a new folder.

    Args:
        archive: its folder.
        to: a folder that does not exist yet, or is empty.
        progress: for a bar on a terminal.

    Raises:
        ConfigError: there is no archive, or the folder cannot be written or is not empty.
        LogCorrupt: a packed segment is damaged so that it cannot be unpacked; names it.
    """
    source, target = Layout(archive), Layout(to)
    packed = _packed(source)
    if not source.checkpoint.is_file():
        raise ConfigError(f"there is no archive of an audit log at {archive}", hint="name its folder")
    if not packed and not source.all_kept():
        raise ConfigError(
            f"{archive} holds no packed segments", hint="a log as it is needs no restoring: copy its folder"
        )
    if to.exists() and any(to.iterdir()):
        raise ConfigError(f"{to} is not empty", hint="an archive is restored into a new folder")
    try:
        for folder in (target.segments_folder, target.tree_folder):
            folder.mkdir(parents=True, mode=0o750)
        length = 0
        for number, path in enumerate(packed, 1):
            first = first_index(Path(path.stem))
            length += _unpack(path, target.segment(first), _longest(source, first))
            if progress:
                progress(number, len(packed))
        _copy_rest(source, target)
    except OSError as error:
        raise ConfigError(f"the archive cannot be restored: {error}") from None
    return Restored(segments=len(packed), length=length)


def _packed(source: Layout) -> list[Path]:
    """The packed segments, in order; files of other names are none."""
    found = source.segments_folder.glob(f"[0-9]*.log{SUFFIX}")
    return sorted(path for path in found if _NAME.fullmatch(path.name) and path.is_file())


def _longest(source: Layout, first: int) -> int:
    """No segment unpacks to much more than its seal says; an altered one is evidence, and comes back too.

    The last one has no seal, and is as long as it is.
    """
    try:
        note = read_bounded(source.seal(first), NOTE_BYTES_MAX)
    except FileNotFoundError:
        return SIZE_MAX
    return Seal.parse(split_note(note)[0]).length + BATCH_BYTES_MAX


def _unpack(path: Path, to: Path, bytes_max: int) -> int:
    with to.open("xb") as out:
        try:
            for piece in unpacked(path):
                out.write(piece)
                if out.tell() > bytes_max:
                    raise LogCorrupt(
                        f"{path.name} is no segment: it holds more than {bytes_max:,} bytes",
                        index=first_index(to),
                        hint="take it from another copy of the archive",
                    )
        except OSError as error:
            if error.errno is not None:
                raise
            raise LogCorrupt(
                f"{path.name} is damaged and cannot be unpacked",
                index=first_index(to),
                hint="take it from another copy of the archive",
            ) from None
        out.flush()
        os.fsync(out.fileno())
        return out.tell()


def _copy_rest(source: Layout, target: Layout) -> None:
    for path in sorted(source.tree_folder.iterdir()):
        if path.name.isdigit() and path.is_file():
            _copy(path, target.tree_folder / path.name)
    for path in source.seals():
        _copy(path, target.segments_folder / path.name)
    for path in source.all_kept():
        if not target.segment(first_index(path)).exists():
            _copy(path, target.segments_folder / path.name)
    if source.cosigned.exists():
        _copy(source.cosigned, target.cosigned)
    # last of all: without it the folder is no log
    _copy(source.checkpoint, target.checkpoint)
    for folder in (target.tree_folder, target.segments_folder, target.folder):
        settle(folder)


def _copy(path: Path, to: Path) -> None:
    with to.open("xb") as out:
        for piece in pieces_of(path):
            out.write(piece)
        out.flush()
        os.fsync(out.fileno())
