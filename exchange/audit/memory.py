"""What one party has seen of a log, kept so that nobody can talk it out of that: its key, its checkpoint.

    log.key     the log's verifier key, where it was believed at first sight
    seen        the largest checkpoint that was ever accepted, a signed note
    evidence/   what contradicts it, beside what was seen then

A witness and a client keep one each. Nothing in it is secret; all of it is evidence, so nothing that
contradicts it ever overwrites it.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from exchange.audit.proofs.checkpoint import Checkpoint, open_checkpoint
from exchange.audit.proofs.merkle import verify_consistency
from exchange.audit.proofs.note import VerifierKey
from exchange.audit.storage.disk import Disk, SystemDisk
from exchange.errors import ConfigError, LogCorrupt

REWRITTEN = "history-rewritten"
"""The log's own key signed what does not extend what was seen."""
FOREIGN = "log-foreign"
"""What claims to be the log is signed by another key."""
EVIDENCE_MAX = 64
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Seen:
    """A checkpoint that was accepted: the note as it came, and what it states."""

    note: bytes
    checkpoint: Checkpoint


class LogMemory:
    """The memory of one party. Safe between threads, and between processes within `locked`.

    Args:
        folder: where it is kept; None keeps it in this process only.
        key: of the log, from the configuration; None believes the first key that is met, and says so.
        disk: what is written with.

    Raises:
        ConfigError: the folder cannot be used, or holds the memory of another log.
    """

    def __init__(self, folder: Path | None, key: VerifierKey | None = None, disk: Disk | None = None) -> None:
        self._folder, self._disk = folder, disk or SystemDisk()
        self._turn = threading.Lock()
        self._seen: Seen | None = None
        if folder is not None:
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise ConfigError(f"{folder} cannot be made: {error.strerror}") from None
        pinned = self._read("log.key")
        self.key = key or (VerifierKey.parse(pinned.decode(errors="replace")) if pinned else None)
        self._seen = self._recall()

    @property
    def seen(self) -> Seen | None:
        """The largest checkpoint that was ever accepted; None before the first."""
        return self._seen

    @property
    def evidence(self) -> Path | None:
        """The folder of what contradicts the memory; None while there is nothing in it."""
        folder = self._folder / "evidence" if self._folder is not None else None
        return folder if folder is not None and folder.is_dir() and any(folder.iterdir()) else None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Alone with the memory, also among processes, and up to date with what others accepted."""
        with self._turn:
            if self._folder is None:
                yield
                return
            descriptor = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                self._seen = self._recall()
                yield
            finally:
                os.close(descriptor)

    def meet(self, text: str) -> None:
        """Take note of the key that the log is said to have; the first one is believed where none is known.

        Raises:
            LogCorrupt: `log-foreign`, it is another one than it was.
            ConfigError: it is no key.
        """
        told = VerifierKey.parse(text)
        if self.key is None:
            if self._folder is not None:
                self._write("log.key", told.text.encode() + b"\n")
            self.key = told
            _log.warning(
                "the log's key was unknown and is believed at first sight: %s; compare it with the city's "
                "and write it into the configuration as log_key",
                told.text,
            )
        elif told != self.key:
            raise LogCorrupt(
                f"the log is said to have the key {told.text} now, and it had {self.key.text}", reason=FOREIGN
            )

    def accept(self, note: bytes, proof: Sequence[bytes]) -> Seen:
        """Believe a checkpoint, if it extends what was seen; it is durable when this returns.

        Args:
            note: as it came.
            proof: RFC 6962 consistency proof from what was seen.

        Raises:
            LogCorrupt: `log-foreign` or `history-rewritten`; what was seen stays, the evidence is kept.
            OSError: it cannot be written down, so it is not accepted.
        """
        if self.key is None:
            raise LogCorrupt("the log's key is not known", reason=FOREIGN)
        try:
            checkpoint = open_checkpoint(note, self.key)
        except LogCorrupt as error:
            raise LogCorrupt(error.public, reason=FOREIGN) from None
        before = self._seen
        if before is not None:
            self._compare(before, note, checkpoint, proof)
            if checkpoint == before.checkpoint:
                return before
        found = Seen(note, checkpoint)
        if self._folder is not None:
            self._write("seen", note)
        self._seen = found
        return found

    def keep(self, name: str, **parts: bytes) -> None:
        """Put evidence aside, once for each name; what cannot be written is told by the alarm alone."""
        if self._folder is None:
            return
        folder = self._folder / "evidence"
        with suppress(OSError):
            folder.mkdir(mode=0o700, exist_ok=True)
            if len(list(folder.iterdir())) >= EVIDENCE_MAX:
                return
            for part, data in parts.items():
                path = folder / f"{name}.{part}"
                if not path.exists():
                    self._disk.replace(path, data)

    def _compare(self, before: Seen, note: bytes, offered: Checkpoint, proof: Sequence[bytes]) -> None:
        old = before.checkpoint
        if verify_consistency(old.size, offered.size, old.root, offered.root, proof):
            return
        self.keep(hashlib.sha256(note).hexdigest()[:16], seen=before.note, offered=note)
        if offered.size < old.size:
            told = f"it had {old.size} records and is shown with {offered.size}"
        else:
            told = f"its first {old.size} records are not those that were there"
        raise LogCorrupt(f"the log's history was rewritten: {told}", reason=REWRITTEN)

    def _recall(self) -> Seen | None:
        note = self._read("seen")
        if note is None:
            return self._seen if self._folder is None else None
        if self.key is None:
            raise ConfigError(
                f"{self._folder} holds a checkpoint but not the log's key",
                hint="set log_key to the log's key",
            )
        try:
            return Seen(note, open_checkpoint(note, self.key))
        except LogCorrupt as error:
            raise ConfigError(
                f"what {self._folder} remembers is not of this log: {error.public}",
                hint="if the log really began anew under a new key, keep that folder as evidence elsewhere",
            ) from None

    def _read(self, name: str) -> bytes | None:
        if self._folder is None:
            return None
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigError(f"{self._folder / name} cannot be read: {error.strerror}") from None

    def _write(self, name: str, data: bytes) -> None:
        if self._folder is not None:
            self._disk.replace(self._folder / name, data)
