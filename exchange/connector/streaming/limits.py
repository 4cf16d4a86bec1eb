"""How many streams run at once, in total, for one consumer and for one department (T66).

A department issues identities to its own systems, as many as it likes; so besides the limit for each there is
one for all of a department's together, and nobody can take every stream.
"""

from __future__ import annotations

import threading
from collections import Counter

from exchange.errors import LimitReached
from exchange.model.subject import Subject


class Slots:
    """Counts what runs; used from many threads.

    Args:
        streams_max: at once, in total.
        per_subject_max: of these, for one subject. A department's subjects together get three quarters of
            all at most.
    """

    def __init__(self, streams_max: int, per_subject_max: int) -> None:
        self._streams_max = streams_max
        self._per_subject_max = per_subject_max
        self._per_department_max = max(1, streams_max * 3 // 4)
        self._running: Counter[Subject] = Counter()
        self._lock = threading.Lock()

    def take(self, subject: Subject) -> Slot:
        """A place for one more stream.

        Raises:
            LimitReached: there is none; the ticket is not used up by asking.
        """
        with self._lock:
            if self._running[subject] >= self._per_subject_max:
                raise LimitReached("you have too many streams at once", hint="finish one, then try again")
            if self._of_department(subject.department) >= self._per_department_max:
                raise LimitReached(
                    "your department has too many streams at once", hint="finish one, then try again"
                )
            if self._running.total() >= self._streams_max:
                raise LimitReached("the connector serves as many streams as it can", hint="try again later")
            self._running[subject] += 1
        return Slot(self, subject)

    def free(self, subject: Subject) -> None:
        """Give one place of the subject back."""
        with self._lock:
            self._running[subject] -= 1
            if not self._running[subject]:
                del self._running[subject]

    def _of_department(self, department: str) -> int:
        return sum(count for subject, count in self._running.items() if subject.department == department)

    @property
    def running(self) -> int:
        """How many places are taken."""
        return self._running.total()


class Slot:
    """One place, held by everybody who works for the stream; free when the last one lets go.

    A scan that its consumer has left counts until the source notices, so that leaving and coming back does
    not pile up scans.
    """

    def __init__(self, slots: Slots, subject: Subject) -> None:
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
