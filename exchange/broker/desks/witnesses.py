"""Where witnesses show what they saw, are offered a checkpoint, and hand in their cosignatures."""

from __future__ import annotations

import logging
import threading

from exchange.audit.proofs.checkpoint import Checkpoint, open_checkpoint
from exchange.audit.proofs.note import VerifierKey, split_note
from exchange.audit.proofs.tree import StoredTree
from exchange.audit.proofs.trust import TrustPolicy
from exchange.broker.desks.proving import consistency
from exchange.broker.rounds import Rounds
from exchange.broker.witnessed import Witnessed
from exchange.errors import LogCorrupt, RequestInvalid, Unavailable
from exchange.model.subject import Subject, witness_name
from exchange.wire.witnessing import Candidate, Shown

TICK_S = 1.0
_log = logging.getLogger("exchange.broker.witnesses")


class WitnessDesk:
    """Speaks with witnesses; `start` gives it a thread that tells when they have been missing for too long.

    Args:
        key: of the log whose checkpoints are cosigned.
        policy: its witnesses; a connector that is none of them may still compare.
        witnessed: what their word allows.
        rounds: where cosignatures meet.
        tree: of the log.
        trust_domain: of the city.
        alarm_s: an alarm stands when the quorum has been missing for longer.
    """

    def __init__(
        self,
        key: VerifierKey,
        policy: TrustPolicy,
        *,
        witnessed: Witnessed,
        rounds: Rounds,
        tree: StoredTree,
        trust_domain: str,
        alarm_s: float,
    ) -> None:
        self._key, self._alarm_s, self._trust_domain = key, alarm_s, trust_domain
        self._witnessed, self._rounds = witnessed, rounds
        self._tree = tree
        self._known = {found.name: (name, found) for name, found in policy.witnesses.items()}
        self._objections: dict[str, bytes] = {}
        self._missing = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="witnesses", daemon=True)

    @property
    def alarm(self) -> str:
        """What an operator must look at; "" for nothing. For health checks."""
        if self._witnessed.waiting:
            return "waiting for witnesses"
        if self._objections:
            return f"{len(self._objections)} witnesses refuse the log's checkpoint"
        return "no quorum of witnesses" if self._missing else ""

    @property
    def cosigned(self) -> bytes:
        """The latest checkpoint that a quorum cosigned, a signed note; empty while there is none."""
        return self._rounds.cosigned

    def start(self) -> None:
        """Begin to look after the quorum."""
        self._thread.start()

    def close(self) -> None:
        """Stop; idempotent."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def witness(self, speaker: Subject, shown: Shown) -> Candidate:
        """What to cosign, for a witness that the log does not contradict.

        Raises:
            RequestInvalid: what it shows was never signed by this log.
            LogCorrupt: the log does not hold what it shows, and has been halted.
            Unavailable: what it saw is larger than what can be offered; try again.
        """
        seen = self._witnessed.show(speaker.id, shown.seen)
        self._witnessed.check_log()
        self._heed(speaker, shown.refused)
        known = self._known.get(witness_name(self._trust_domain, speaker.department))
        if known is not None:
            self._witnessed.heard(known[0])
        note = self._rounds.offer()
        return Candidate(
            checkpoint=note,
            proof=self._proof(seen, Checkpoint.parse(split_note(note)[0])),
            log_key=self._key.text,
            wanted=known is not None,
        )

    def cosigned_by(self, speaker: Subject, size: int, line: bytes) -> None:
        """Take a cosignature.

        Raises:
            RequestInvalid: the speaker is no witness of this log, or it is not the witness's cosignature.
            AuditUnavailable: it cannot be written down.
        """
        name, key = self._known.get(witness_name(self._trust_domain, speaker.department), ("", None))
        if key is None:
            raise RequestInvalid("you are no witness of this log", reason="witness-unknown")
        self._witnessed.check_log()
        try:
            self._rounds.add(name, key, size, line)
        except LogCorrupt:
            raise RequestInvalid(
                "that is not your cosignature of the checkpoint", reason="cosignature-invalid"
            ) from None

    def look(self) -> None:
        """Raise or clear the alarm of a missing quorum."""
        if not self._known:
            return
        missing = self._rounds.waits_s > self._alarm_s
        if missing and not self._missing:
            _log.error(
                "ALARM: no quorum of witnesses has cosigned for %d s; look whether their connectors run, "
                "reach this broker, and hold the keys of the trust policy",
                self._alarm_s,
            )
        elif self._missing and not missing:
            _log.warning("a quorum of witnesses cosigns again")
        self._missing = missing

    def _heed(self, speaker: Subject, refused: bytes) -> None:
        """A witness holds a checkpoint against us: this is for the operator, whoever is right."""
        if not refused:
            if self._objections.pop(speaker.id, None):
                _log.warning("%s accepts the log's checkpoints again", speaker.id)
            return
        try:
            offered = open_checkpoint(refused, self._key)
            told = f"a checkpoint of {offered.size} records that this log's key signed"
        except LogCorrupt:
            told = "a checkpoint that this log's key never signed"
        if self._objections.get(speaker.id) != refused:
            _log.critical(
                "ALARM: %s refuses to cosign %s: it contradicts what that witness has seen. Keep this log's "
                "folder and compare it with the evidence on the witness's disk; if its key signed both, "
                "somebody else holds the key or the log was forked",
                speaker.id,
                told,
            )
        self._objections[speaker.id] = refused

    def _proof(self, seen: Checkpoint | None, offered: Checkpoint) -> tuple[bytes, ...]:
        if seen is None or seen.size in {0, offered.size}:
            return ()
        if seen.size > offered.size:
            raise Unavailable("what you saw is not signed here yet", hint="try again in a moment")
        return consistency(self._tree, seen, offered)

    def _run(self) -> None:
        while not self._stop.wait(TICK_S):
            self.look()
