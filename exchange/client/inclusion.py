"""In the background: the log holds this client's decisions and receipts, and only ever grows (T59).

Nothing here delays a read. What is not proven yet waits, on disk where the client has a folder; the number of
those that wait and the pace at which they are proven are bounded, and beyond them the oldest are let go.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable

from exchange.audit.memory import LogMemory
from exchange.audit.proofs.merkle import leaf_hash, verify_inclusion
from exchange.client.alarms import Alarm, Alarms
from exchange.client.expected import WAITING_MAX, Expected, Waiting
from exchange.errors import AccessRefused, ExchangeError, LogCorrupt
from exchange.model.clock import Clock
from exchange.wire.proving import Proven, Wanted

STEP_MAX = 50
PAUSE_S, PAUSE_S_MAX = 0.5, 30.0
OVERDUE_S = 600.0
ATTEMPTS_MIN = 3
CLOSE_S = 1.0
_log = logging.getLogger("exchange.client")

Prove = Callable[[Wanted], Proven]


class Inclusion:
    """Proves records one after the other, in a thread that starts with the first.

    Args:
        prove: asks the broker.
        memory: what this client saw of the log.
        waiting: what earlier processes left to be proven.
        alarms: where it is told that a record is not there.
        clock: for how long a record has waited.
    """

    def __init__(
        self, prove: Prove, memory: LogMemory, waiting: Waiting, alarms: Alarms, clock: Clock
    ) -> None:
        self._prove, self._memory, self._waiting, self._alarms = prove, memory, waiting, alarms
        self._clock = clock
        self._items: deque[Expected] = deque(waiting.all(), maxlen=WAITING_MAX)
        self._kept = {item.index for item in self._items}
        self._attempts = 0
        self._until_s = math.inf
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        if self._items:
            self._begin()

    def expect(self, item: Expected) -> None:
        """From now on the log must hold this; returns at once: no disk and no network is waited for."""
        self._items.append(item)
        if self._thread is None:
            self._begin()

    def close(self) -> None:
        """Stop, and leave what is not proven to the next process; waits a second at most for an answer."""
        self._until_s = time.monotonic() + CLOSE_S
        self._stop.set()
        if self._thread is not None:
            self._thread.join(CLOSE_S)
        self._save(list(self._items))

    def step(self) -> bool:
        """Try to prove some of those that wait; whether none is left.

        Raises:
            ExchangeError: the broker cannot be asked.
        """
        batch = [self._items.popleft() for _ in range(min(STEP_MAX, len(self._items)))]
        left: list[Expected] = []
        self._attempts += 1
        try:
            with self._memory.locked():
                while batch and time.monotonic() < self._until_s:
                    if not self._try(batch[0]):
                        left.append(batch[0])
                    batch.pop(0)
        finally:
            self._return([*left, *batch])
        return not self._items

    def _try(self, item: Expected) -> bool:
        """Whether it is settled: proven, or an alarm."""
        try:
            fault = self._fault(item)
        except LogCorrupt as error:
            self._sound(item, "log", f"the audit log is not what this client saw of it: {error.public}", -1)
            return False
        except ExchangeError as error:
            return self._answered(item, error)
        if fault:
            text = f"the audit log {fault} record {item.index}"
            self._sound(item, f"record-{item.index}", text, item.index)
        if item.index in self._kept:
            self._waiting.drop(item)
            self._kept.discard(item.index)
        return True

    def _answered(self, item: Expected, error: ExchangeError) -> bool:
        """An answer without a proof: the record waits on, if there is nothing wrong with that."""
        if error.stable_reason == "tree-unknown":
            text = "the audit log is smaller than what this client saw of it"
            self._sound(item, "log", text, -1)
        elif error.stable_reason != "not-covered":
            raise error
        return False

    def _fault(self, item: Expected) -> str:
        seen = self._memory.seen
        size = seen.checkpoint.size if seen else 0
        covered = item.index < size
        wanted = Wanted(index=item.index, tree_size=size if covered else 0, seen_size=0 if covered else size)
        try:
            answer = self._prove(wanted)
        except AccessRefused as error:
            if error.stable_reason != AccessRefused.reason:
                raise
            return "withholds"
        if answer.log_key:
            self._memory.meet(answer.log_key)
        found = seen if covered and seen else self._memory.accept(answer.checkpoint, answer.consistency)
        tree, leaf = found.checkpoint, leaf_hash(answer.record)
        if not verify_inclusion(leaf, item.index, tree.size, answer.proof, tree.root):
            return "cannot prove"
        return "" if item.is_in(answer.record) else "holds another record in the place of"

    def _return(self, items: list[Expected]) -> None:
        now_us = self._clock.now_us()
        for item in items:
            if self._attempts >= ATTEMPTS_MIN and now_us - item.since_us > OVERDUE_S * 1e6:
                text = f"the broker has not proven for {OVERDUE_S:.0f} s that it holds record {item.index}"
                self._sound(item, f"overdue-{item.index}", text, item.index)
        # back in their places; where meanwhile newer ones filled all the room, the oldest are let go
        room = WAITING_MAX - len(self._items)
        self._items.extendleft(reversed(items[-room:] if room else []))
        self._save(items)

    def _save(self, items: Iterable[Expected]) -> None:
        for item in items:
            if item.index not in self._kept:
                self._waiting.put(item)
                self._kept.add(item.index)

    def _sound(self, item: Expected, name: str, text: str, index: int) -> None:
        id_ = str(item.fields.get("id", ""))
        text += "; tell the city's auditors"
        self._alarms.sound(Alarm(name=name, text=text, index=index, id=id_, at_us=self._clock.now_us()))

    def _begin(self) -> None:
        with self._lock:
            if self._thread is None and not self._stop.is_set():
                self._thread = threading.Thread(target=self._run, name="inclusion", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        # what earlier processes left is looked at before a short-lived one ends
        pause_s = 0.0 if self._kept else PAUSE_S
        while not self._stop.wait(pause_s):
            pause_s = self._next_s(pause_s)

    def _next_s(self, pause_s: float) -> float:
        try:
            self.step()
        except ExchangeError as error:
            _log.info("records cannot be proven at the moment: %s", error.public)
        except Exception as error:  # noqa: BLE001 - the thread outlives whatever one step runs into
            _log.error("records cannot be proven", exc_info=error)
        else:
            return PAUSE_S
        return min(max(pause_s, PAUSE_S) * 2, PAUSE_S_MAX)
