"""What the witnesses' word allows the broker: to sign and to issue, to wait, or to stop for good (T59, F24).

A witness shows the largest checkpoint that it ever accepted, and that bears the log's own signature. If the
log does not hold it any more, the log was restored from a backup or forked, and every further signature would
make that worse: it is halted, and a person decides.
"""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

from exchange.audit.log import AuditLog
from exchange.audit.proofs.checkpoint import Checkpoint, open_checkpoint
from exchange.audit.proofs.note import VerifierKey
from exchange.audit.proofs.tree import StoredTree
from exchange.audit.proofs.trust import TrustPolicy
from exchange.audit.storage.disk import Disk, SystemDisk
from exchange.errors import AuditUnavailable, LogCorrupt, RequestInvalid, Unavailable

FILE = "contradiction"
"""In the log's folder: the checkpoint that contradicts it, until the log holds that again."""
TREE_S_MAX = 2.0
_log = logging.getLogger("exchange.broker.witnesses")


class Witnessed:
    """Whether the log holds what its witnesses have seen.

    Args:
        log: opened held; it is released once nothing stands against it.
        key: of the log.
        policy: who must have shown what they saw before anything is signed.
        tree: of the log.
        disk: what is written with.

    Raises:
        LogCorrupt: what a witness showed to an earlier process still contradicts the log.
    """

    def __init__(
        self,
        log: AuditLog,
        key: VerifierKey,
        policy: TrustPolicy,
        tree: StoredTree,
        disk: Disk | None = None,
    ) -> None:
        self._log, self._key, self._policy, self._disk = log, key, policy, disk or SystemDisk()
        self._tree = tree
        self._shown: set[str] = set()
        self._lock = threading.Lock()
        self._waiting = True
        self._recheck(log.folder / FILE)
        self._decide()

    @property
    def waiting(self) -> bool:
        """Whether too few witnesses have shown what they saw since the start."""
        return self._waiting

    def check(self) -> None:
        """Pass if tickets may be issued.

        Raises:
            AuditUnavailable: the log was halted, or failed.
            Unavailable: `witnesses-missing`, too few witnesses have shown what they saw.
        """
        self.check_log()
        if self._waiting:
            raise Unavailable(
                "the broker has just started and waits for the witnesses of its log",
                reason="witnesses-missing",
                hint="try again in a few seconds; if it lasts, tell the city's operator",
            )

    def check_log(self) -> None:
        """Pass if the log goes on.

        Raises:
            AuditUnavailable: it was halted, or failed.
        """
        if self._log.failure:
            raise AuditUnavailable(self._log.failure)

    def show(self, who: str, note: bytes) -> Checkpoint | None:
        """What a witness has seen, once the log is known to hold it; None if it saw nothing.

        Args:
            who: SPIFFE id of the witness, for the operator.
            note: signed by the log; empty for nothing.

        Raises:
            RequestInvalid: this log never signed that.
            LogCorrupt: the log does not hold it, and has been halted.
            Unavailable: whether the log holds it cannot be told yet.
        """
        if not note:
            return None
        try:
            seen = open_checkpoint(note, self._key)
        except LogCorrupt:
            raise RequestInvalid("that is no checkpoint of this log", reason="log-foreign") from None
        fault = self._fault(seen)
        if fault:
            self._halt(who, note, fault)
            raise LogCorrupt("the log does not hold what its witnesses have seen, and was stopped")
        return seen

    def heard(self, name: str) -> None:
        """A witness of the policy showed what it saw, and the log holds it."""
        with self._lock:
            self._shown.add(name)
            self._decide()

    def _decide(self) -> None:
        if self._waiting and not self._log.failure and self._policy.fulfilled_by(self._shown):
            self._waiting = False
            self._log.release()
            if self._shown:
                _log.info("enough witnesses have shown what they saw (%s)", ", ".join(sorted(self._shown)))

    def _fault(self, seen: Checkpoint) -> str:
        """Why the log does not hold this checkpoint; "" if it does.

        Raises:
            Unavailable: that cannot be told yet.
        """
        if seen.size > self._log.size:
            return f"it has {self._log.size} records, and {seen.size} were signed: it was cut or restored"
        if self._root(seen.size) != seen.root:
            return f"its first {seen.size} records are not those that were signed: it was restored or forked"
        return ""

    def _root(self, size: int) -> bytes:
        """The log's root at that size; its newest hashes are written a moment after their records."""
        until_s = time.monotonic() + TREE_S_MAX
        while True:
            try:
                return self._tree.root(size)
            except LogCorrupt:
                if time.monotonic() > until_s:
                    raise Unavailable("the log's tree is not written that far yet") from None
                time.sleep(0.05)

    def _halt(self, who: str, note: bytes, fault: str) -> None:
        self._log.halt(
            AuditUnavailable(
                "the audit log does not hold what its witnesses saw, so nothing is recorded or answered",
                hint="the city's operator must act; the broker's own log says how",
            )
        )
        try:
            self._disk.replace(self._log.folder / FILE, note)
        except OSError as error:
            _log.error("the contradicting checkpoint cannot be kept: %s", error)
        _log.critical("ALARM: %s", _advice(self._log.folder, who, fault))

    def _recheck(self, path: Path) -> None:
        if not path.exists():
            return
        try:
            fault = self._fault(open_checkpoint(path.read_bytes(), self._key))
        except LogCorrupt as error:
            raise LogCorrupt(f"{path}: {error.public}", hint="keep it as evidence elsewhere") from None
        if fault:
            raise LogCorrupt(
                _advice(path.parent, f"a witness (its checkpoint is {path})", fault),
                reason="history-rewritten",
            )


def _advice(folder: Path, who: str, fault: str) -> str:
    return (
        f"the audit log in {folder} contradicts {who}: {fault}. Nothing more is recorded, signed or issued. "
        "What to do: (1) stop the broker and keep a copy of this folder as evidence; (2) put back the newest "
        "whole copy of the log, one that holds every record that was signed, and start again: the broker "
        "goes on by itself when its witnesses agree; (3) if there is none, the lost records are lost: tell "
        "the auditors, keep the folder, and begin a new log in an empty folder with a new key (remove "
        "keys/audit.key from the broker's state), then give the new public.key to witnesses and auditors"
    )
