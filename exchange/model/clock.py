"""Time as a thing that is handed in, so that a whole exchange runs under a simulated clock in tests."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Where a component takes the time from."""

    def now_us(self) -> int:
        """Unix time in microseconds; may jump, as wall clocks do."""

    def monotonic_s(self) -> float:
        """Seconds that never go back, for durations and deadlines."""


class SystemClock:
    """The clock of the machine."""

    def now_us(self) -> int:
        """Unix time in microseconds."""
        return time.time_ns() // 1000

    def monotonic_s(self) -> float:
        """Seconds since an arbitrary start."""
        return time.monotonic()
