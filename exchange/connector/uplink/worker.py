"""A thread that does one thing again and again, at the pace the thing itself asks for."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable

from exchange.errors import ExchangeError

_log = logging.getLogger(__name__)

BACKOFF_S_MIN = 0.5
BACKOFF_S_MAX = 30.0


class Worker:
    """Calls `step`, which answers how many seconds to wait until its next call.

    A step that fails is tried again after a pause that doubles up to BACKOFF_S_MAX, with jitter, so that a
    broker which comes back is not met by all connectors in the same moment.

    Args:
        name: of the thread, and in the log.
        step: what is done.
        backoff_s_max: the longest pause after a failure.
    """

    def __init__(self, name: str, step: Callable[[], float], *, backoff_s_max: float = BACKOFF_S_MAX) -> None:
        self._step = step
        self._backoff_s_max = backoff_s_max
        self._failures = 0
        self._wake = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin, with a first step at once."""
        self._thread.start()

    def wake(self) -> None:
        """Do the next step now."""
        self._wake.set()

    def close(self, timeout_s: float) -> None:
        """Stop after the step that runs; waits at most so long for it. Idempotent."""
        self._closed = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def attempt(self) -> float:
        """One step; the seconds until the next one. Never raises."""
        try:
            pause_s = self._step()
        except Exception as error:  # noqa: BLE001 - the loop outlives whatever one step runs into
            return self._failed(error)
        self._failures = 0
        return pause_s

    def _failed(self, error: Exception) -> float:
        name = self._thread.name
        if isinstance(error, ExchangeError):
            _log.log(
                logging.INFO if self._failures else logging.WARNING,
                "%s: %s; trying again %s",
                name,
                error.public,
                f"({error.detail})" if error.detail else "",
            )
        else:
            _log.error("%s: unforeseen error; trying again", name, exc_info=error)
        ceiling_s = min(self._backoff_s_max, BACKOFF_S_MIN * float(2 ** min(self._failures, 16)))
        self._failures += 1
        return ceiling_s * random.uniform(0.5, 1)  # noqa: S311 - spreads load, guards nothing

    def _run(self) -> None:
        while not self._closed:
            self._wake.clear()
            self._wake.wait(self.attempt() if not self._closed else 0)
