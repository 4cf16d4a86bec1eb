"""Rate windows: how many rows a department may still take from a dataset (T53).

The window slides exactly: what counts is every ticket of this department's systems for this dataset that was
issued in the last `seconds`, whatever its purpose, because the reader of two purposes is one reader, and so
is the owner of two systems. A ticket counts for all the rows it may deliver from the moment it is issued
until the connector's END says how many it delivered, or until it is certain that the ticket was never used
(`upkeep.py`); where neither comes, and where the END cannot tell, it goes on counting for all of them. Rows
read before a window was introduced count as well, once their END has arrived.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from exchange.model.obligation import RateWindow

_SPENT = """
SELECT coalesce(sum(rows), 0) FROM ticket WHERE reader = ? AND dataset = ? AND issued_us > ? AND rows > 0
"""


def reader_of(subject: str) -> str:
    """Whom a window counts: the subject's department, that is its SPIFFE id without kind and name.

    A department issues identities to its own systems, as many as it likes; a limit for each of them would be
    none.
    """
    return subject.rsplit("/", 2)[0]


def remaining(
    connection: sqlite3.Connection, reader: str, dataset: str, windows: Sequence[RateWindow], now_us: int
) -> int | None:
    """Rows that all the windows still leave; 0 or less when one is spent, None when there is no window.

    Call it in the transaction that issues the ticket, so that no two tickets see the same remainder.
    """
    left: list[int] = []
    for window in windows:
        since = now_us - window.seconds * 1_000_000
        (spent,) = connection.execute(_SPENT, (reader, dataset, since)).fetchone()
        left.append(window.rows_max - spent)
    return min(left, default=None)
