"""What admission hands on: a ticket that was used up, and what its stream needs to know of it."""

from __future__ import annotations

from dataclasses import dataclass

from exchange.connector.datasets import Table
from exchange.model.ticket import Ticket


@dataclass(frozen=True)
class Admitted:
    """A ticket that was used up just now.

    Attributes:
        ticket: its claims.
        table: the dataset, as the source had it at this moment.
        started_us: when START became durable.
        until_us: when the stream must be over, whatever is left of it.
        cleared: the newest policy revision that is known to allow it.
    """

    ticket: Ticket
    table: Table
    started_us: int
    until_us: int
    cleared: int
