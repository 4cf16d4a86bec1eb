"""How many streams run at once, in total and for one consumer, so that none can take them all (T66)."""

from __future__ import annotations

import threading
from collections import Counter

from exchange.errors import LimitReached


class Slots:
    """Counts what runs; used from many threads.

    Args:
        streams_max: at once, in total.
        per_subject_max: of these, for one subject.
    """

    def __init__(self, streams_max: int, per_subject_max: int) -> None:
        self._streams_max = streams_max
        self._per_subject_max = per_subject_max
        self._running: Counter[str] = Counter()
        self._lock = threading.Lock()

    def take(self, subject: str) -> Slot:
        """A place for one more stream.

        Raises:
            LimitReached: there is none; the ticket is not used up by asking.
        """
        with self._lock:
            if self._running[subject] >= self._per_subject_max:
                raise LimitReached("you have too many streams at once", hint="finish one, then try again")
            if self._running.total() >= self._streams_max:
                raise LimitReached("the connector serves as many streams as it can", hint="try again later")
            self._running[subject] += 1
        return Slot(self, subject)

    def free(self, subject: str) -> None:
        """Give one place of the subject back."""
        with self._lock:
            self._running[subject] -= 1
            if not self._running[subject]:
                del self._running[subject]

    @property
    def running(self) -> int:
        """How many places are taken."""
        return self._running.total()


class Slot:
    """One place, held by everybody who works for the stream; free when the last one lets go.

    A scan that its consumer has left counts until the source notices, so that leaving and coming back does
    not pile up scans.
    """

    def __init__(self, slots: Slots, subject: str) -> None:
        self._slots = slots
        self._subject = subject
        self._holders = 1
        self._lock = threading.Lock()

    def hold(self) -> None:
        """One more holder."""
        with self._lock:
            self._holders += 1

    def release(self) -> None:
        """One holder less; each holder calls it exactly once."""
        with self._lock:
            self._holders -= 1
            last = self._holders == 0
        if last:
            self._slots.free(self._subject)
