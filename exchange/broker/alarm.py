"""The alarm of policies: a publication failed, the last good revision keeps serving, and it is seen (T40)."""

from __future__ import annotations

import logging

from exchange.model.clock import Clock
from exchange.wire.revisions import PublicationAlarm

_log = logging.getLogger("exchange.broker.policy")


class PolicyAlarm:
    """Stands from a publication that failed until the next one that succeeds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._standing: PublicationAlarm | None = None

    @property
    def standing(self) -> PublicationAlarm | None:
        """The alarm, or None."""
        return self._standing

    def sound(self, department: str, reason: str, id_: str, text: str) -> None:
        """A publication failed: whose, its stable reason, the record's id, and a text for the operator."""
        self._standing = PublicationAlarm(
            department=department, reason=reason, id=id_, at_us=self._clock.now_us()
        )
        _log.error(
            "ALARM: a publication of %s failed (%s, id %s); the last good revision keeps serving: %s",
            department,
            reason,
            id_ or "none",
            text,
        )

    def clear(self) -> None:
        """A publication succeeded."""
        self._standing = None
