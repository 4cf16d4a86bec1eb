"""The alarms of a connector that no stream depends on: logged once, standing until all is well again."""

from __future__ import annotations

import logging
import threading

_log = logging.getLogger(__name__)


class Alarms:
    """What an operator must look at, by the name of the part that says so; used from many threads."""

    def __init__(self) -> None:
        self._standing: dict[str, str] = {}
        self._lock = threading.Lock()

    @property
    def standing(self) -> dict[str, str]:
        """Name and text of each."""
        with self._lock:
            return dict(self._standing)

    def sound(self, name: str, text: str) -> None:
        """Raise it; the same text again is not logged again."""
        with self._lock:
            known, self._standing[name] = self._standing.get(name), text
        if known != text:
            _log.error("ALARM: %s: %s", name, text)

    def clear(self, name: str) -> None:
        """It is well again."""
        with self._lock:
            known = self._standing.pop(name, None)
        if known is not None:
            _log.warning("%s: it is well again; what was kept as evidence stays", name)
