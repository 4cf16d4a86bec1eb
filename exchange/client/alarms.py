"""Alarms of a client: a file each, so that whoever comes after the process that met them sees them too."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from exchange.errors import ConfigError
from exchange.model.base import Frozen
from exchange.security import files

ALARMS_MAX = 100
_log = logging.getLogger("exchange.client")


class Alarm(Frozen):
    """The audit log is not what it must be.

    Attributes:
        name: tells alarms apart; the same one is raised once.
        text: for people.
        index: of the record in question; -1 for the log as a whole.
        id: access id; "" where there is none.
        at_us: unix microseconds.
    """

    name: str
    text: str
    index: int = -1
    id: str = ""
    at_us: int


class Alarms:
    """The standing alarms.

    Args:
        folder: made with the first alarm; None keeps them in this process only.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._here: dict[str, Alarm] = {}
        self.listeners: list[Callable[[Alarm], None]] = []

    @property
    def folder(self) -> Path | None:
        """Where they are; removing a file there ends its alarm."""
        return self._folder

    def standing(self) -> tuple[Alarm, ...]:
        """All of them, those of earlier processes too."""
        found = {} if self._folder is not None else dict(self._here)
        for path in sorted(self._folder.glob("[!.]*.json"))[:ALARMS_MAX] if self._folder else ():
            try:
                alarm = Alarm.model_validate_json(path.read_bytes())
            except (OSError, ValidationError):
                alarm = Alarm(name=path.stem, text=f"{path} cannot be read", at_us=0)
            found[alarm.name] = alarm
        return tuple(found.values())

    def sound(self, alarm: Alarm) -> None:
        """Log it, keep it, tell the listeners; the same one only once."""
        if alarm.name in self._here:
            return
        self._here[alarm.name] = alarm
        _log.error("ALARM: %s", alarm.text)
        self._keep(alarm)
        for listener in self.listeners:
            listener(alarm)

    def _keep(self, alarm: Alarm) -> None:
        if self._folder is None:
            return
        try:
            files.make_folder(self._folder)
            content = alarm.model_dump_json().encode()
            files.replace({self._folder / f"{alarm.name}.json": (content, files.PRIVATE_MODE)})
        except ConfigError as error:
            _log.error("the alarm cannot be kept: %s", error.public)
