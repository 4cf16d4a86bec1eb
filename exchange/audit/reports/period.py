"""The time a report or a question speaks of: from a moment, included, to another, excluded; always UTC."""

from __future__ import annotations

import datetime as dt
import re

from exchange.errors import ConfigError
from exchange.model.base import Frozen

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


class Period(Frozen):
    """Unix microseconds: `since_us` belongs to the period, `until_us` is the first moment after it."""

    since_us: int
    until_us: int

    @classmethod
    def parse(cls, since: str, until: str) -> Period:
        """The period between two texts, each a day or a moment; a day at the end belongs to it whole.

        Raises:
            ConfigError: one is neither, or the end does not come after the beginning.
        """
        found = cls(since_us=begins(since), until_us=ends(until))
        if found.since_us >= found.until_us:
            raise ConfigError(f"the period ends ({until}) before it begins ({since})", hint="swap the two")
        return found

    @property
    def days(self) -> int:
        """Calendar days it touches."""
        first, last = day_number(self.since_us), day_number(self.until_us - 1)
        return last - first + 1

    @property
    def text(self) -> str:
        """For people: `2026-06-01 to 2026-06-30`, with times where it is not of whole days."""
        whole = not self.since_us % _DAY_US and not self.until_us % _DAY_US
        if whole:
            first, last = day(day_number(self.since_us)), day(day_number(self.until_us) - 1)
            return f"{first} to {last}" if first != last else first
        return f"{minute(self.since_us)} to {minute(self.until_us)}"


_DAY_US = 86_400_000_000


def begins(text: str) -> int:
    """The moment a text names, a day's first moment for a day.

    Raises:
        ConfigError: it is neither a day nor a moment.
    """
    return _moment(text)


def ends(text: str) -> int:
    """The first moment after what a text names: the next day's for a day, itself for a moment.

    Raises:
        ConfigError: it is neither a day nor a moment.
    """
    return _moment(text) + (_DAY_US if _DAY.fullmatch(text) else 0)


def day_number(unix_us: int) -> int:
    """Days since 1970-01-01."""
    return unix_us // _DAY_US


def day(number: int) -> str:
    """YYYY-MM-DD of a day number."""
    return (_EPOCH.date() + dt.timedelta(days=number)).isoformat()


def minute(unix_us: int) -> str:
    """YYYY-MM-DD HH:MM, UTC."""
    return f"{_EPOCH + dt.timedelta(microseconds=unix_us):%Y-%m-%d %H:%M}"


def second(unix_us: int) -> str:
    """YYYY-MM-DD HH:MM:SS, UTC."""
    return f"{_EPOCH + dt.timedelta(microseconds=unix_us):%Y-%m-%d %H:%M:%S}"


def _moment(text: str) -> int:
    try:
        found = dt.datetime.fromisoformat(text)
        at = found if found.tzinfo else found.replace(tzinfo=dt.UTC)
        micros = (at - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):
        micros = -1
    if micros < 0:
        raise ConfigError(
            f"{text!r} is neither a day nor a moment",
            hint="write 2026-06-01, or 2026-06-01T08:00:00+08:00; without an offset it is UTC",
        )
    return micros
