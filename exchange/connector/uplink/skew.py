"""Whether this clock agrees with the broker's: while one of them is off, lifetimes mean nothing (F9)."""

from __future__ import annotations

import logging

from exchange.errors import Unavailable

_log = logging.getLogger(__name__)

SKEW_S_MAX = 30


class Skew:
    """The last comparison with the broker's clock. While there was none, the own clock is believed."""

    def __init__(self) -> None:
        self._off_s = 0.0

    def compare(self, broker_us: int, sent_us: int, received_us: int) -> None:
        """Take note of the broker's time, read somewhere between these two moments of the own clock."""
        was, self._off_s = self._off_s, _distance_us(broker_us, sent_us, received_us) / 1e6
        if self.excessive:
            _log.error(
                "ALARM: this clock is %+.0f s off the broker's; no ticket is admitted until they agree",
                self._off_s,
            )
        elif abs(was) > SKEW_S_MAX:
            _log.warning("this machine's clock agrees with the broker's again")

    @property
    def excessive(self) -> bool:
        """Whether the clocks are further apart than tickets can bear."""
        return abs(self._off_s) > SKEW_S_MAX

    def check(self) -> None:
        """Refuse while the clocks disagree.

        Raises:
            Unavailable: `clock-skew`.
        """
        if self.excessive:
            raise Unavailable(
                "the connector's clock and the broker's disagree",
                reason="clock-skew",
                hint="the department's operator must set the clock",
            )


def _distance_us(broker_us: int, sent_us: int, received_us: int) -> int:
    """How far the broker's time lies outside the interval in which it was read; 0 inside."""
    low, high = min(sent_us, received_us), max(sent_us, received_us)
    if broker_us < low:
        return low - broker_us
    return min(0, high - broker_us)
