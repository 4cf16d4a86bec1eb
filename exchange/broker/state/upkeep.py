"""What heartbeats do for the state: rows of unused tickets come back, and what is too old to matter goes."""

from __future__ import annotations

import sqlite3
from functools import partial

from exchange.broker.state.issued import give_back
from exchange.broker.state.statements import StatementIndex
from exchange.broker.state.store import Store
from exchange.model.obligation import WINDOW_S_MAX
from exchange.model.ticket import STREAM_LIFETIME_S_MAX

STEP_MAX = 500
"""Rows in one transaction, so that nobody who asks for access waits long behind it."""

KEEP_US = (WINDOW_S_MAX + STREAM_LIFETIME_S_MAX) * 1_000_000
"""No window reaches further back, whatever stewards publish later, and no stream lasts longer."""

_TOO_OLD = (
    # tickets first: a statement is only heard while its ticket is known, so none is recorded twice
    "DELETE FROM ticket WHERE id IN (SELECT id FROM ticket WHERE issued_us < ? LIMIT ?)",
    "DELETE FROM statement WHERE key IN (SELECT key FROM statement WHERE noted_us < ? LIMIT ?)",
)


class Upkeep:
    """Keeps windows exact and the tables small, a bounded step at a time."""

    def __init__(self, store: Store, index: StatementIndex) -> None:
        self._store = store
        self._index = index

    def settled(self, department: str, since_us: int, until_us: int) -> None:
        """A connector vouches for its tickets up to a moment that is past by its clock and by this one.

        Raises:
            Unavailable: some rows stay spent, and some old rows stay, until the next heartbeat.
        """
        # a START that is recorded and acknowledged, but could not be noted yet, must be noted first
        self._index.catch_up()
        free = partial(
            give_back, department=department, since_us=since_us, until_us=until_us, count_max=STEP_MAX
        )
        while self._store.note(free) == STEP_MAX:
            pass
        self._store.note(partial(_forget, before_us=until_us - KEEP_US))


def _forget(connection: sqlite3.Connection, before_us: int) -> None:
    for statement in _TOO_OLD:
        if connection.execute(statement, (before_us, STEP_MAX)).rowcount:
            return
