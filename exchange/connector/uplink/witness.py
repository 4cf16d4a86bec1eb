"""This connector as a witness: it cosigns a checkpoint only if that extends what it saw before (T59, F24)."""

from __future__ import annotations

from exchange.audit.memory import FOREIGN, LogMemory
from exchange.audit.proofs.note import NOTE_BYTES_MAX, split_note
from exchange.connector.alarms import Alarms
from exchange.connector.uplink.link import BrokerLink
from exchange.connector.uplink.witness_key import WitnessKey
from exchange.errors import LogCorrupt, RequestInvalid
from exchange.model.clock import Clock
from exchange.wire import witnessing
from exchange.wire.witnessing import Shown

ALARM = "witness"
CALL_S_MAX = 10.0


class Witness:
    """Asks, compares, remembers, and only then cosigns.

    Args:
        link: to the broker.
        memory: what this connector saw of the log.
        key: of this witness.
        alarms: told when the log is not what it was.
        clock: dates the cosignatures.
        every_s: the pause between two questions.
    """

    def __init__(
        self,
        link: BrokerLink,
        memory: LogMemory,
        key: WitnessKey,
        alarms: Alarms,
        clock: Clock,
        *,
        every_s: float,
    ) -> None:
        self._link, self._memory, self._key, self._alarms = link, memory, key, alarms
        self._clock, self._every_s = clock, every_s
        self._refused = b""

    def step(self) -> float:
        """Ask for a checkpoint and cosign it if it is consistent; the seconds until the next time.

        Raises:
            ExchangeError: the broker cannot be reached, or refuses.
            OSError: what was seen cannot be written down, so nothing is cosigned.
        """
        # one process of this connector at a time, so that two never cosign in opposite order
        with self._memory.locked():
            try:
                self._once()
            except LogCorrupt as error:
                self._alarms.sound(
                    ALARM, f"the audit log is not what it was, and is not cosigned: {error.public}"
                )
                return self._every_s
            except RequestInvalid as error:
                if error.stable_reason == FOREIGN:
                    self._alarms.sound(ALARM, f"this is not the log that was seen: {error.public}")
                raise
        self._settle()
        return self._every_s

    def _once(self) -> None:
        seen = self._memory.seen
        shown = Shown(seen=seen.note if seen else b"", refused=self._refused)
        candidate = self._link.call(
            lambda channel: witnessing.ask_to_witness(channel, shown, timeout_s=CALL_S_MAX)
        )
        if candidate.log_key:
            self._memory.meet(candidate.log_key)
        try:
            # durable before it is cosigned: after a crash nothing older is ever cosigned (F24)
            found = self._memory.accept(candidate.checkpoint, candidate.proof)
        except LogCorrupt:
            # the broker's operator is told with the next question, whoever is right
            self._refused = candidate.checkpoint[:NOTE_BYTES_MAX]  # more is no note, and might not pass
            raise
        self._refused = b""
        if candidate.wanted:
            self._cosign(found.checkpoint.size, candidate.checkpoint)

    def _cosign(self, size: int, note: bytes) -> None:
        line = self._key.cosign(split_note(note)[0], self._clock.now_us() // 1_000_000)
        self._link.call(lambda channel: witnessing.add_cosignature(channel, size, line, timeout_s=CALL_S_MAX))

    def _settle(self) -> None:
        """The alarm ends by itself only where nothing was kept: whoever rewrote history cannot end it."""
        evidence = self._memory.evidence
        if evidence is None:
            self._alarms.clear(ALARM)
        else:
            self._alarms.sound(
                ALARM,
                f"the audit log contradicted what was seen: the proof is in {evidence}; give it to the "
                "city's auditors, then move it away to end this alarm",
            )
