"""Rules on when: every delivery has its START and END in time, and none outlives its permission."""

from __future__ import annotations

from collections.abc import Iterator

from exchange.audit.reconcile.access import Access, expiry_us, number, stated_us, text
from exchange.audit.reconcile.findings import Finding
from exchange.audit.records.record import moment
from exchange.model.base import Frozen
from exchange.model.ticket import CLOCK_LEEWAY_S

SECOND = 1_000_000
REVOKED_S = 45
"""A stream ends within 5 s of its revocation, on a clock that may be 30 s off, with 10 s to spare."""


class Deadlines(Frozen):
    """By when something must have been heard.

    Attributes:
        as_of_us: the newest record's time: what is not in the log by then has not been heard.
        stream_s: the broker's `stream_ttl_s`: a stream is ended so many seconds after its decision.
        grace_s: how long a report may take to the log, for example while the broker is down.
    """

    as_of_us: int
    stream_s: int = 3600
    grace_s: int = 600

    @property
    def longest_us(self) -> int:
        """Between a decision and the last that is heard of it."""
        return (self.stream_s + self.grace_s) * SECOND

    def over(self, since_us: int) -> bool:
        """Whether a stream that was decided then must have ended, and its END be in the log."""
        return since_us + self.longest_us < self.as_of_us


def in_time(access: Access) -> Iterator[Finding]:
    """A ticket is admitted before it expires, by the admitting connector's own clock."""
    decision = access.granted
    expires_us = expiry_us(decision) if decision else 0
    for start in access.starts:
        at_us = stated_us(start, "at_us")
        if decision and expires_us and at_us > expires_us + CLOCK_LEEWAY_S * SECOND:
            sentence = (
                f"the ticket expired at {text(decision, 'expires')}, the stream began at {moment(at_us)}"
            )
            yield access.finding("late-start", [decision, start], sentence)


def whole(access: Access, deadlines: Deadlines) -> Iterator[Finding]:
    """A START is followed by an END, an END preceded by a START, a receipt by both."""
    if not access.told:
        return
    over = deadlines.over((access.granted or access.told[0]).time_us)
    if access.ends and not access.starts:
        yield access.finding("start-missing", access.ends, "a stream has an END and no START")
    if access.ends or not over:
        return
    if access.received:
        rows = number(access.received[0], "rows")
        sentence = f"the consumer received {rows} rows, the connector reported no END"
        yield access.finding("unreported-delivery", access.told, sentence)
    else:
        yield access.finding("end-missing", access.starts, "a stream began and its END was never reported")


def not_revoked(access: Access) -> Iterator[Finding]:
    """Nothing is delivered once a ticket is revoked."""
    if not access.revocations:
        return
    first = access.revocations[0]
    limit_us = first.time_us + REVOKED_S * SECOND
    late = [entry for entry in access.starts if stated_us(entry, "at_us") > limit_us]
    late += [
        entry for entry in access.ends if stated_us(entry, "ended_us") > limit_us and number(entry, "rows")
    ]
    if late:
        sentence = f"the ticket was revoked at {first.time}, and data still flowed after that"
        yield access.finding("delivered-after-revocation", [first, *late], sentence)
