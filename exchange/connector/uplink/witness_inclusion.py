"""Step 10, seen from outside: what the broker says it recorded is in the log that is witnessed here."""

from __future__ import annotations

import hashlib
import json

from exchange.audit.memory import LogMemory
from exchange.audit.proofs.checkpoint import Checkpoint
from exchange.audit.proofs.merkle import leaf_hash, verify_inclusion
from exchange.connector.alarms import Alarms
from exchange.connector.records.journal import Journal
from exchange.connector.records.unproven import Unproven
from exchange.connector.uplink.link import BrokerLink
from exchange.errors import AccessRefused
from exchange.model.clock import Clock
from exchange.wire import proving
from exchange.wire.proving import Wanted

ALARM = "inclusion"
BATCH_MAX = 64
CALL_S_MAX = 10.0
IDLE_S = 1.0


class Inclusion:
    """Asks for the proof of each statement, in the tree of the checkpoint that this connector saw last.

    Args:
        link: to the broker.
        memory: what this connector saw of the log.
        journal: which statements are to be proven.
        alarms: told when one is not in the log.
        clock: for how long they have waited.
        overdue_s: how long they may.
    """

    def __init__(
        self,
        link: BrokerLink,
        memory: LogMemory,
        journal: Journal,
        alarms: Alarms,
        clock: Clock,
        *,
        overdue_s: float,
    ) -> None:
        self._link, self._memory, self._journal, self._alarms = link, memory, journal, alarms
        self._clock, self._overdue_s = clock, overdue_s

    def step(self) -> float:
        """Prove a batch; the seconds until the next one.

        Raises:
            ExchangeError: the broker cannot be reached; everything waits on disk.
        """
        seen = self._memory.seen
        waiting = self._journal.unproven(seen.checkpoint.size, BATCH_MAX) if seen else ()
        proven: list[int] = []
        missing: list[tuple[int, str]] = []
        try:
            for item in waiting if seen else ():
                fault = self._fault(item, seen.checkpoint) if seen else ""
                if fault:
                    missing.append((item.seq, fault))
                else:
                    proven.append(item.seq)
        finally:
            if proven or missing:
                self._journal.settle_proofs(proven, missing)
            self._tell()
        return 0.0 if len(waiting) == BATCH_MAX else IDLE_S

    def _fault(self, item: Unproven, tree: Checkpoint) -> str:
        """Why the log does not hold the statement; "" if it does."""
        wanted = Wanted(index=item.index, tree_size=tree.size)
        try:
            answer = self._link.call(
                lambda channel: proving.prove_inclusion(channel, wanted, timeout_s=CALL_S_MAX)
            )
        except AccessRefused as error:
            if error.stable_reason != AccessRefused.reason:
                raise
            return "withheld"
        if not verify_inclusion(leaf_hash(answer.record), item.index, tree.size, answer.proof, tree.root):
            return "not-proven"
        return "" if _is_of(answer.record, item.digest) else "another-record"

    def _tell(self) -> None:
        lost, oldest_us = self._journal.proof_state()
        waits_s = 0.0 if oldest_us is None else (self._clock.now_us() - oldest_us) / 1e6
        if lost:
            self._alarms.sound(
                ALARM,
                f"{lost} statements that the broker said it recorded are not in its log; they are in the "
                "journal's table `missing`: tell the city's auditors",
            )
        elif waits_s > self._overdue_s:
            self._alarms.sound(
                ALARM,
                f"the broker has not proven for over {self._overdue_s:.0f} s that this connector's "
                "statements are in the log",
            )
        else:
            self._alarms.clear(ALARM)


def _is_of(record: bytes, digest: str) -> bool:
    try:
        statement = str(json.loads(record)["statement"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return False
    return hashlib.sha256(statement.encode()).hexdigest() == digest
