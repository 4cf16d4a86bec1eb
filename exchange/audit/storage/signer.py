"""The one thread that signs: checkpoints and seals, and the tree's files that stand behind them.

It works beside the writer, so that nobody who waits for a record waits for a signature. The order is always:
records durable (the writer), hashes durable, checkpoint, seals. What is signed is never ahead of what is on
the disk, and sizes only grow: below what was signed nothing is ever signed again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exchange.audit.proofs.checkpoint import Checkpoint, sign_checkpoint
from exchange.audit.proofs.merkle import EMPTY_ROOT
from exchange.audit.storage.disk import Disk
from exchange.audit.storage.hashes import TreeFiles
from exchange.audit.storage.layout import Layout
from exchange.audit.storage.seal import Seal, sign_seal
from exchange.audit.storage.store import is_full

HASHES_BYTES_MAX = 64 << 20
"""So much of hashes not yet written to the tree's files is kept; two million records."""
RETRY_S = 0.05


@dataclass(frozen=True)
class SigningKey:
    """Under which name, with which key and how often, at most, checkpoints are signed."""

    origin: str
    key: Ed25519PrivateKey
    every_s: float


@dataclass
class _Work:
    """What was made durable and is not yet signed."""

    hashes: list[bytes]
    size: int
    root: bytes
    closed: list[Seal]


class Signer:
    """Owns the tree's files, the checkpoint and the seals from `start` to `stop`."""

    def __init__(
        self,
        layout: Layout,
        disk: Disk,
        tree: TreeFiles,
        key: SigningKey,
        *,
        signed_size: int,
        held: bool,
    ) -> None:
        """Nothing is signed before `start`.

        Args:
            layout: of the log.
            disk: to write with.
            tree: holding the hashes of all records.
            key: to sign with.
            signed_size: of the last checkpoint.
            held: sign nothing before `release`.
        """
        self._layout, self._disk, self._tree, self._key = layout, disk, tree, key
        self._work = _Work([], 0, EMPTY_ROOT, [])
        self._signed_size, self._held = signed_size, held
        self._on_failure: Callable[[Exception], None] = _ignore
        self._bytes = 0
        self._guard = threading.Condition()
        self._signing = threading.Lock()
        self._closing = self._abandoned = self._failed = False
        self._idle = False
        self._due = 0.0
        self.checkpoint = layout.checkpoint.read_bytes()
        self._thread = threading.Thread(target=self._run, name="audit-signer", daemon=True)

    def start(self, on_failure: Callable[[Exception], None]) -> None:
        """Sign what was offered so far, and begin.

        Args:
            on_failure: told when the disk failed; nothing is signed after that (F2).

        Raises:
            OSError: the disk failed.
        """
        self._on_failure = on_failure
        self._round_if_there_is_space()
        self._thread.start()

    def offer(self, size: int, root: bytes, hashes: bytes, closed: list[Seal]) -> None:
        """A batch is durable: the tree's size and root behind it, its hashes, segments closed before it."""
        with self._guard:
            work = self._work
            work.size, work.root = size, root
            work.hashes.append(hashes)
            work.closed.extend(closed)
            self._bytes += len(hashes)
            if self._idle:
                self._guard.notify()

    @property
    def has_room(self) -> bool:
        """Whether more hashes can be kept in memory."""
        return self._bytes < HASHES_BYTES_MAX

    def hold(self) -> None:
        """Sign nothing from now on; what is being signed at this moment is waited for."""
        with self._signing:
            self._held = True

    def release(self) -> None:
        """Sign again; what is unsigned is, within a moment."""
        with self._guard:
            self._held = False
            self._guard.notify()

    def stop(self, *, abandon: bool = False) -> None:
        """Sign what is left and end; idempotent.

        Args:
            abandon: sign nothing more: the disk failed.
        """
        with self._guard:
            self._closing, self._abandoned = True, self._abandoned or abandon
            self._guard.notify()
        if self._thread.is_alive():
            self._thread.join()
        self._tree.close()

    def _run(self) -> None:
        try:
            while self._wait():
                self._round_if_there_is_space()
            if not self._abandoned:
                self._round_if_there_is_space()
        except Exception as error:  # noqa: BLE001 - whatever it is, the log must stop, not go on unsigned
            self._failed = True
            self._on_failure(error)

    def _wait(self) -> bool:
        """Until something is to be done; False once it is time to end."""
        with self._guard:
            while not self._closing:
                self._idle = not self._is_ready()
                # Pacing uses the machine's own steady clock: a simulated one must not stop signing.
                rest = None if self._idle else self._due - time.monotonic()
                if rest is not None and rest <= 0:
                    return True
                self._guard.wait(rest)
                self._idle = False
            return False

    def _is_ready(self) -> bool:
        unsigned = self._work.size > self._signed_size or bool(self._work.closed)
        return bool(self._work.hashes) or (unsigned and not self._held)

    def _round_if_there_is_space(self) -> None:
        try:
            self._round()
            self._due = time.monotonic() + self._key.every_s
        except OSError as error:
            if not is_full(error):
                raise
            self._due = time.monotonic() + max(self._key.every_s, RETRY_S)

    def _round(self) -> None:
        """Hashes, checkpoint, seals; what finds no space is done in a later round."""
        with self._guard:
            work, self._work = self._work, _Work([], self._work.size, self._work.root, [])
        try:
            if work.hashes:
                self._tree.append(b"".join(work.hashes))
                work.hashes = []
            with self._signing:
                self._sign_all(work)
        finally:
            with self._guard:
                self._work.hashes[:0] = work.hashes
                self._work.closed[:0] = work.closed
                self._bytes = sum(map(len, self._work.hashes))

    def _sign_all(self, work: _Work) -> None:
        if self._held or self._abandoned:
            return
        if work.size > self._signed_size:
            self._sign(work.size, work.root)
        while work.closed:
            self._seal(work.closed[0])
            del work.closed[0]

    def _sign(self, size: int, root: bytes) -> None:
        self._tree.sync()
        note = sign_checkpoint(Checkpoint(origin=self._key.origin, size=size, root=root), self._key.key)
        self._disk.replace(self._layout.checkpoint, note)
        self._signed_size, self.checkpoint = size, note

    def _seal(self, seal: Seal) -> None:
        """The hashes of a sealed segment are believed later, and outlive its records: sync them first."""
        self._tree.sync()
        self._disk.replace(self._layout.seal(seal.first), sign_seal(seal, self._key.key))


def _ignore(_: Exception) -> None:
    """Before the start there is nobody to tell."""
