"""Retention: the payload of old segments goes, the proof that it was there stays.

    (1) the archive holds the segment, read back                      if there is to be an archive
    (2) `<first>.kept` is written: the records that later verification needs
    (3) the log records the removal, and a signed checkpoint covers that
    (4) `<first>.log` is removed

Whatever happens in between, the segment is there or was recorded as removed; the next round does the rest. A
removal that the log does not speak of below its checkpoint is a deletion, and verification says so.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from exchange.audit.checking.skim import digest_of
from exchange.audit.keeping.archive import holds
from exchange.audit.keeping.packed import settle
from exchange.audit.proofs.note import NOTE_BYTES_MAX, VerifierKey
from exchange.audit.records.entry import Entry
from exchange.audit.records.record import RECORD_BYTES_MAX
from exchange.audit.records.retention import OUTLIVING, RETAIN_CALL, Retained, outlives
from exchange.audit.storage.disk import Disk, SystemDisk
from exchange.audit.storage.layout import Layout, read_bounded
from exchange.audit.storage.seal import Seal, open_seal
from exchange.audit.storage.segment import scan
from exchange.errors import ConfigError, LogCorrupt

Announce = Callable[[Retained], None]
"""Records a removal; returns once a signed checkpoint covers the record, raises otherwise."""


def due(layout: Layout, key: VerifierKey, before_us: int) -> list[Seal]:
    """The sealed segments, oldest first, that hold nothing as young as that and are still there.

    Args:
        layout: of the log.
        key: of the log.
        before_us: unix microseconds.

    Raises:
        LogCorrupt: a seal is not this log's, or does not follow the one before.
    """
    found: list[Seal] = []
    end = 0
    for path in layout.seals():
        seal = open_seal(read_bounded(path, NOTE_BYTES_MAX), key)
        if seal.first != end or path != layout.seal(seal.first):
            raise LogCorrupt(f"the seals do not follow each other at record {end}", index=end)
        end = seal.size
        segment = layout.segment(seal.first)
        if not segment.exists():
            continue
        if last_time_us(segment) >= before_us:
            break
        found.append(seal)
    return found


def remove(
    layout: Layout, seal: Seal, *, announce: Announce, archive: Path | None, disk: Disk | None = None
) -> Retained:
    """Remove the payload of one segment, the oldest that has any.

    Args:
        layout: of the log.
        seal: of the segment; genuine.
        announce: records the removal.
        archive: where the payload must lie already; None to lose it for good.
        disk: writes what is kept.

    Raises:
        ConfigError: the segment is not sealed, not the oldest, or not in the archive. Nothing was removed.
        LogCorrupt: the segment is not the one that was sealed: it is evidence, and stays.
        OSError: the disk failed; the next round does the rest.
    """
    segment = layout.segment(seal.first)
    present = layout.segments()
    if not present or present[0] != segment or not layout.seal(seal.first).exists():
        raise ConfigError(
            f"the segment that begins at {seal.first} is not the oldest sealed one",
            hint="retention goes from the oldest on",
        )
    if digest_of(segment) != (seal.length, seal.digest):
        raise LogCorrupt(
            f"records {seal.first} to {seal.size - 1} are not those that were sealed; they stay as evidence",
            index=seal.first,
        )
    if archive is not None and not holds(archive, seal):
        raise ConfigError(
            f"{archive} does not hold records {seal.first} to {seal.size - 1}", hint="archive them first"
        )
    kept = b"".join(line + b"\n" for line in _kept(segment))
    (disk or SystemDisk()).replace(layout.kept(seal.first), kept)
    retained = Retained(first=seal.first, size=seal.size, kept=hashlib.sha256(kept).hexdigest())
    announce(retained)
    segment.unlink()
    settle(layout.segments_folder)
    return retained


def announced(layout: Layout, signed: int) -> set[Retained]:
    """The removals that a log speaks of in its first `signed` records; reads them, does not verify them."""
    mark = f'"call":"{RETAIN_CALL}"'.encode()
    lines = (
        line for path in [*layout.segments(), *layout.all_kept()] for line in _lines(path) if mark in line
    )
    found: set[Retained] = set()
    for line in lines:
        try:
            entry = Entry.parse(line)
        except LogCorrupt:
            continue
        retained = Retained.of(entry.fields)
        if retained is not None and entry.index < signed:
            found.add(retained)
    return found


def last_time_us(segment: Path) -> int:
    """The time of the last record of a segment; times never go back, so none in it is later.

    Raises:
        LogCorrupt: there is no record at its end.
    """
    with segment.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 2 * RECORD_BYTES_MAX))
        lines = file.read().split(b"\n")
    for line in reversed(lines):
        if line.startswith(b"{"):
            return Entry.parse(line).time_us
    raise LogCorrupt(f"{segment.name} does not end in a record")


def _kept(segment: Path) -> Iterator[bytes]:
    for batch in scan(segment):
        for line in batch.records:
            # Most records are accesses: do not parse them.
            if any(mark in line for mark in OUTLIVING) and outlives(Entry.parse(line).fields):
                yield line


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        for line in file:
            yield line.removesuffix(b"\n")
