"""The auditor's side of the wire: a copy of the log, in the form that `exchange audit verify` reads."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from exchange.audit.proofs.checkpoint import Checkpoint
from exchange.audit.proofs.merkle import HASH_BYTES, Frontier, leaf_hash
from exchange.audit.records.record import RECORD_BYTES_MAX
from exchange.audit.storage.layout import Layout
from exchange.audit.storage.seal import Seal
from exchange.audit.storage.segment import encode_batch, encode_commit
from exchange.client.session import Session
from exchange.client.settings import ClientSettings
from exchange.errors import ConfigError, RecordGone, StreamBroken, Unavailable
from exchange.model.base import Frozen
from exchange.model.clock import Clock, SystemClock
from exchange.wire import auditing
from exchange.wire.auditing import Remains

SEGMENT_BYTES_MAX = 256 << 20
Progress = Callable[[int, int], None]
"""Called with records here and records in all."""


class Fetched(Frozen):
    """What was copied: the log's origin, records, and the signed root over them (hex)."""

    origin: str
    records: int
    root: str


def fetch(
    settings: ClientSettings, out: Path, *, progress: Progress | None = None, clock: Clock | None = None
) -> Fetched:
    """Copy the log up to its latest checkpoint into a new folder, which is there whole or not at all.

    Nothing is verified here: a copy of an altered log is evidence, and `exchange audit verify` judges it.

    Args:
        settings: of an auditor.
        out: a folder that does not exist yet.
        progress: for a bar on a terminal.
        clock: for the certificate's dates.

    Raises:
        ConfigError: the folder exists, or cannot be written.
        StreamBroken: the broker sent fewer records than its checkpoint covers, or others than were asked for.
        ExchangeError: what the broker answered, typed.
    """
    if out.exists():
        raise ConfigError(
            f"{out} exists already", hint="a copy is never mixed with another; name a new folder"
        )
    session = Session(settings, clock or SystemClock())
    partial = out.with_name(f".{out.name}.{secrets.token_hex(4)}.part")
    try:
        note, cosigned = _notes(session, settings)
        checkpoint = _stated(note)
        copy = _Copy(partial)
        for remains in auditing.read_removed(session.broker, timeout_s=settings.limits.stream_s):
            copy.take_remains(remains, checkpoint.size)
        copy.check_remains()
        for start, records in _entries(session, settings, copy.size, checkpoint.size):
            copy.append(start, records, checkpoint.size)
            if progress:
                progress(copy.size, checkpoint.size)
        copy.finish(note, cosigned, checkpoint.size)
        partial.rename(out)
    except OSError as error:
        raise ConfigError(f"{out} cannot be written: {(error.strerror or str(error)).lower()}") from None
    finally:
        session.close()
        shutil.rmtree(partial, ignore_errors=True)
    return Fetched(origin=checkpoint.origin, records=checkpoint.size, root=checkpoint.root.hex())


def _entries(
    session: Session, settings: ClientSettings, start: int, size: int
) -> Iterator[tuple[int, list[bytes]]]:
    if start >= size:
        return
    try:
        yield from auditing.read_entries(
            session.broker, start, size - start, timeout_s=settings.limits.stream_s
        )
    except RecordGone as error:
        raise Unavailable("retention removed records while they were copied", hint="fetch again") from error


def _notes(session: Session, settings: ClientSettings) -> tuple[bytes, bytes]:
    """The latest checkpoint, and the latest that witnesses cosigned, which is never the larger of the two."""
    note, cosigned = auditing.get_checkpoints(session.broker, timeout_s=settings.limits.ask_s)
    # witnesses may have cosigned a newer one while the broker answered; it bears the log's signature, too
    if cosigned and _stated(cosigned).size > _stated(note).size:
        note = cosigned
    return note, cosigned


def _stated(note: bytes) -> Checkpoint:
    """What the note says; whether its signature is the log's is for `verify` to judge."""
    text, blank, _ = note.partition(b"\n\n")
    if not blank:
        raise StreamBroken("the broker sent no checkpoint")
    return Checkpoint.parse(text + b"\n")


class _Copy:
    """A log's folder that grows by batches."""

    def __init__(self, folder: Path) -> None:
        self._layout = Layout(folder)
        self._layout.segments_folder.mkdir(parents=True)
        self._layout.leaves.parent.mkdir()
        self._layout.leaves.touch()
        self._frontier = Frontier()
        self._segment: Path | None = None
        self._removed = 0
        self._kept: Path | None = None

    @property
    def size(self) -> int:
        """Records so far."""
        return self._frontier.size

    def take_remains(self, remains: Remains, size_max: int) -> None:
        """Write a piece of what retention left of the segments at the beginning.

        Raises:
            StreamBroken: the pieces do not follow each other, or speak of more than the checkpoint covers.
        """
        if remains.seal:
            seal = Seal.parse(remains.seal.partition(b"\n\n")[0] + b"\n")
            if seal.first != self._removed or not seal.first < seal.size <= size_max:
                raise StreamBroken("the broker sent seals that do not follow each other")
            self._removed, self._kept = seal.size, self._layout.kept(seal.first)
            self._layout.seal(seal.first).write_bytes(remains.seal)
            self._kept.touch()
        if remains.kept:
            if self._kept is None or self._kept.stat().st_size + len(remains.kept) > SEGMENT_BYTES_MAX * 2:
                raise StreamBroken("the broker sent more kept records than a segment can have")
            with self._kept.open("ab") as kept:
                kept.write(remains.kept)
        if remains.hashes:
            count, rest = divmod(len(remains.hashes), HASH_BYTES)
            if rest or self.size + count > self._removed:
                raise StreamBroken("the broker sent other hashes than its seals speak of")
            self._frontier.extend(
                remains.hashes[at : at + HASH_BYTES] for at in range(0, len(remains.hashes), HASH_BYTES)
            )
            with self._layout.leaves.open("ab") as leaves:
                leaves.write(remains.hashes)

    def check_remains(self) -> None:
        """Nothing, if there is a hash for each removed record.

        Raises:
            StreamBroken: there are fewer.
        """
        if self.size != self._removed:
            raise StreamBroken("the broker sent fewer hashes than its seals speak of", hint="fetch again")

    def append(self, start: int, records: list[bytes], size_max: int) -> None:
        """Write a chunk as a batch.

        Raises:
            StreamBroken: it does not follow, has more than were asked for, or something that is no record.
        """
        if start != self.size or self.size + len(records) > size_max:
            raise StreamBroken("the broker sent other records than were asked for")
        if not all(_is_line(record) for record in records):
            raise StreamBroken("the broker sent something that is not a record of the log")
        if self._segment is None or self._segment.stat().st_size >= SEGMENT_BYTES_MAX:
            self._segment = self._layout.segment(self.size)
        hashes = [leaf_hash(record) for record in records]
        first = self.size
        self._frontier.extend(hashes)
        with self._layout.leaves.open("ab") as leaves, self._segment.open("ab") as segment:
            leaves.write(b"".join(hashes))
            segment.write(encode_batch(first, records) + encode_commit(self.size, self._frontier.root()))

    def finish(self, note: bytes, cosigned: bytes, size: int) -> None:
        """Write the checkpoints and make everything durable.

        Raises:
            StreamBroken: records are missing.
        """
        if self._segment is None:
            self._layout.segment(self.size).touch()
        if self.size != size:
            raise StreamBroken(f"the broker sent {self.size} of {size} records", hint="fetch again")
        self._layout.checkpoint.write_bytes(note)
        if cosigned:
            self._layout.cosigned.write_bytes(cosigned)
        for path in self._files():
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _files(self) -> Iterator[Path]:
        yield from (self._layout.checkpoint, self._layout.leaves, *self._layout.segments_folder.iterdir())
        if self._layout.cosigned.exists():
            yield self._layout.cosigned


def _is_line(record: bytes) -> bool:
    return record.startswith(b"{") and b"\n" not in record and len(record) <= RECORD_BYTES_MAX
