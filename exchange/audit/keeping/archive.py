"""An archive: a log's folder with its segments packed, kept elsewhere, and brought up to date when asked.

Sealed segments are copied once and read back: what lies in the archive has the digest that was sealed. Of the
segment still being written the whole batches are copied anew each time. The checkpoint is read first and put
down last, so that the archive always holds what its checkpoint covers.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from exchange.audit.keeping.packed import SUFFIX, digest_inside, pack, pieces_of, settle
from exchange.audit.proofs.checkpoint import Checkpoint, open_checkpoint
from exchange.audit.proofs.merkle import HASH_BYTES
from exchange.audit.proofs.note import NOTE_BYTES_MAX, VerifierKey
from exchange.audit.storage.disk import SystemDisk
from exchange.audit.storage.hashes import levels_of
from exchange.audit.storage.layout import Layout, read_bounded
from exchange.audit.storage.seal import Seal, open_seal
from exchange.audit.storage.segment import scan
from exchange.errors import ConfigError, LogCorrupt

Progress = Callable[[int, int], None]
"""Called with segments done and segments in all."""


@dataclass
class Archived:
    """What archiving did.

    Attributes:
        records: covered by the archive's checkpoint.
        segments: sealed segments that were copied now; held: those that were there already.
        length: bytes read now; stored: bytes they take in the archive.
    """

    records: int = 0
    segments: int = 0
    held: int = 0
    length: int = 0
    stored: int = 0


def packed_segment(archive: Path, first: int) -> Path:
    """Where an archive holds the segment."""
    segment = Layout(archive).segment(first)
    return segment.with_name(segment.name + SUFFIX)


def holds(archive: Path, seal: Seal) -> bool:
    """Whether the archive holds that segment's records, read back and compared with the seal."""
    found = digest_inside(packed_segment(archive, seal.first), seal.length)
    return found == (seal.length, seal.digest)


def archive(folder: Path, to: Path, key: VerifierKey, *, progress: Progress | None = None) -> Archived:
    """Bring an archive of a log up to date; safe beside the log's writer.

    Args:
        folder: of the log.
        to: of the archive; made if it is missing.
        key: of the log.
        progress: for a bar on a terminal.

    Raises:
        ConfigError: there is no log, the archive cannot be written, or it holds more than the log does.
        LogCorrupt: the checkpoint, a seal or a sealed segment is not what was signed; names the segment. What
            was archived before stays as it is.
    """
    source = Layout(folder)
    try:
        note = read_bounded(source.checkpoint, NOTE_BYTES_MAX)
    except OSError:
        raise ConfigError(f"there is no audit log at {folder}", hint="name its folder") from None
    signed = open_checkpoint(note, key)
    run = _Run(source, Layout(to), key)
    try:
        run.begin(signed)
        run.sealed(progress)
        run.unsealed()
        run.tree(signed.size)
        run.finish(note)
    except OSError as error:
        raise ConfigError(f"the archive cannot be written: {error}") from None
    run.done.records = signed.size
    return run.done


@dataclass
class _Run:
    source: Layout
    target: Layout
    key: VerifierKey
    done: Archived = field(default_factory=Archived)
    disk: SystemDisk = field(default_factory=SystemDisk)

    def begin(self, signed: Checkpoint) -> None:
        self.target.segments_folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        self.target.tree_folder.mkdir(exist_ok=True, mode=0o750)
        with suppress(FileNotFoundError):
            there = open_checkpoint(self.target.checkpoint.read_bytes(), self.key)
            if there.size > signed.size:
                raise ConfigError(
                    f"the archive holds {there.size} records, the log {signed.size}",
                    hint="the log may be a restored backup; archive it to a folder of its own",
                )

    def sealed(self, progress: Progress | None) -> None:
        seals = self.source.seals()
        for number, path in enumerate(seals, 1):
            note = read_bounded(path, NOTE_BYTES_MAX)
            self._segment(open_seal(note, self.key), note)
            if progress:
                progress(number, len(seals))

    def unsealed(self) -> None:
        """The whole batches of what is still written."""
        for path in self.source.segments():
            first = int(path.stem)
            if not self.source.seal(first).exists():
                ends = [batch.end for batch in scan(path) if batch.commit and not batch.problem]
                if ends:
                    self._packed(path, first, ends[-1])

    def tree(self, size: int) -> None:
        """Hashes are only ever appended: copy what is new."""
        for level in range(levels_of(size)):
            path, end = self.target.level(level), (size >> 8 * level) * HASH_BYTES
            with suppress(FileNotFoundError), path.open("ab") as out:
                out.truncate(min(out.tell(), end) // HASH_BYTES * HASH_BYTES)
                for piece in pieces_of(self.source.level(level), out.tell(), end):
                    out.write(piece)
            settle(path)

    def finish(self, note: bytes) -> None:
        with suppress(FileNotFoundError):
            self.disk.replace(self.target.cosigned, self.source.cosigned.read_bytes())
        self.disk.replace(self.target.checkpoint, note)

    def _segment(self, seal: Seal, note: bytes) -> None:
        there = self.target.seal(seal.first)
        if there.exists() and there.read_bytes() == note:
            self.done.held += 1
            return
        path = self.source.segment(seal.first)
        if not path.exists():  # removed under retention before there was this archive
            self.disk.replace(self.target.kept(seal.first), self.source.kept(seal.first).read_bytes())
        else:
            self._packed(path, seal.first, None)
            if not holds(self.target.folder, seal):
                packed_segment(self.target.folder, seal.first).unlink(missing_ok=True)
                raise LogCorrupt(
                    f"records {seal.first} to {seal.size - 1} are not those that were sealed",
                    index=seal.first,
                    hint="`exchange audit verify` names the record",
                )
            self.done.segments += 1
        self.disk.replace(there, note)

    def _packed(self, path: Path, first: int, end: int | None) -> None:
        target = packed_segment(self.target.folder, first)
        length, _ = pack(pieces_of(path, 0, end), target)
        self.done.length += length
        self.done.stored += target.stat().st_size
