"""Cosigning in rounds: one checkpoint is offered to all witnesses until enough of them have cosigned it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from exchange.audit.proofs.checkpoint import Checkpoint
from exchange.audit.proofs.cosignature import verify_cosignature, with_signatures
from exchange.audit.proofs.note import VerifierKey, split_note
from exchange.audit.proofs.trust import TrustPolicy
from exchange.audit.storage.disk import Disk, SystemDisk
from exchange.errors import AuditUnavailable
from exchange.model.clock import Clock

FILE = "cosigned"
_log = logging.getLogger("exchange.broker.witnesses")


class Rounds:
    """The checkpoint that is offered, and the cosignatures on it.

    Args:
        latest: the log's latest checkpoint, a signed note.
        policy: who may cosign, and how many must.
        folder: of the log; the outcome is its file `cosigned`.
        clock: only its steady part.
        round_s: a checkpoint that finds no quorum is offered for no longer.
        disk: what is written with.
    """

    def __init__(
        self,
        latest: Callable[[], bytes],
        policy: TrustPolicy,
        folder: Path,
        clock: Clock,
        *,
        round_s: float,
        disk: Disk | None = None,
    ) -> None:
        self._latest, self._policy, self._clock, self._round_s = latest, policy, clock, round_s
        self._path, self._disk = folder / FILE, disk or SystemDisk()
        self._lock = threading.Lock()
        self._note, self._size = b"", -1
        self._lines: dict[str, bytes] = {}
        self._since_s = clock.monotonic_s()
        self._met = True
        self.met_s = clock.monotonic_s()
        self.cosigned = self._path.read_bytes() if self._path.exists() else b""

    @property
    def waits_s(self) -> float:
        """How long the round has been waiting for its quorum; 0 when the last one met it."""
        return 0.0 if self._met else self._clock.monotonic_s() - self.met_s

    def offer(self) -> bytes:
        """The checkpoint of this round; a new round begins when the last one met its quorum or grew old."""
        with self._lock:
            now_s = self._clock.monotonic_s()
            if self._met or now_s - self._since_s >= self._round_s:
                self._begin(now_s)
            return self._note

    def add(self, name: str, key: VerifierKey, size: int, line: bytes) -> bool:
        """Take a cosignature; whether the quorum is met and written down now. A late one is no fault.

        Args:
            name: of the witness in the policy.
            key: of the witness.
            size: of the checkpoint it cosigned.
            line: its signature line.

        Raises:
            LogCorrupt: the line is no cosignature of this witness on what is offered.
            AuditUnavailable: the outcome cannot be written down; hand it in again.
        """
        with self._lock:
            if size != self._size:
                return False
            verify_cosignature(split_note(self._note)[0], line, key)
            self._lines[name] = line
            if not self._policy.fulfilled_by(self._lines):
                return False
            self._write()
            if not self._met:
                self._met, self.met_s = True, self._clock.monotonic_s()
            return True

    def _begin(self, now_s: float) -> None:
        note = self._latest()
        self._since_s = now_s
        size = Checkpoint.parse(split_note(note)[0]).size
        if size <= self._size:
            return
        if self._met:
            self.met_s = now_s
        self._note, self._size, self._lines, self._met = note, size, {}, False

    def _write(self) -> None:
        cosigned = with_signatures(self._note, list(self._lines.values()))
        try:
            self._disk.replace(self._path, cosigned)
        except OSError as error:
            raise AuditUnavailable("the cosignatures cannot be written down", detail=str(error)) from None
        self.cosigned = cosigned
