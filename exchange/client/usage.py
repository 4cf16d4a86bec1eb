"""The way back: what became of a department's own data, asked by one of its own."""

from __future__ import annotations

from exchange.client.session import Session
from exchange.client.settings import ClientSettings
from exchange.model.clock import Clock, SystemClock
from exchange.model.usage import Usage, UsageQuestion
from exchange.wire.usage import get_usage


def usage(settings: ClientSettings, question: UsageQuestion, *, clock: Clock | None = None) -> Usage:
    """Who used the data of the caller's department, how much, for what, since when.

    Args:
        settings: of a system, a steward or a connector; the department is the certificate's.
        question: which dataset, when, told apart by what.
        clock: for the certificate's dates.

    Raises:
        AccessRefused: the dataset is not the department's.
        Unavailable: the broker is down, or is still indexing its log.
        ExchangeError: what the broker answered, typed.
    """
    session = Session(settings, clock or SystemClock())
    try:
        return get_usage(session.broker, question, timeout_s=settings.limits.ask_s)
    finally:
        session.close()
