"""The broker's ticket keys as this connector knows them, across restarts."""

from __future__ import annotations

import logging

from exchange.connector.records.journal import Journal
from exchange.errors import Unavailable
from exchange.model.ticket import Ticket
from exchange.security.tickets import TicketVerifier

_log = logging.getLogger(__name__)


class Keyring:
    """The verifier of the moment, replaced by swapping one reference.

    It begins with the keys of the last run: while the broker is away, a restarted connector still admits the
    tickets that are out, until they expire (F11).
    """

    def __init__(self, department: str, journal: Journal) -> None:
        self._department = department
        self._journal = journal
        self._kept = journal.keys()
        self._verifier = TicketVerifier(self._kept, department)

    def verify(self, token: bytes, now_s: float) -> Ticket:
        """The ticket in the token; see `TicketVerifier.verify`."""
        return self._verifier.verify(token, now_s)

    def replace(self, keys: dict[str, bytes]) -> None:
        """Trust exactly these keys from now on; called only with what the broker itself answered (T12).

        Raises:
            ValueError: one of them is no key; the former ones stay.
        """
        self._verifier = TicketVerifier(keys, self._department)
        if keys == self._kept:
            return
        try:
            self._journal.keep_keys(keys)
            self._kept = dict(keys)
        except Unavailable as error:
            # In force already; written down with the next heartbeat.
            _log.error("the ticket keys cannot be written down: %s", error.detail)
