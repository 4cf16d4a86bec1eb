"""Times as an auditor writes them."""

from __future__ import annotations

import datetime as dt
import re

from exchange.errors import ConfigError

_AGO = re.compile(r"([0-9]{1,6})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def unix_us(text: str, *, now: dt.datetime | None = None) -> int | None:
    """Unix microseconds of a date (its beginning), an RFC 3339 time, or a time ago; None for "".

    Args:
        text: `2026-11-22`, `2026-11-22T12:00:00+08:00`, `7d` (also s, m, h, w). Without an offset it is UTC.
        now: what a time ago is reckoned from; None for the clock.

    Raises:
        ConfigError: it is none of them.
    """
    if not text:
        return None
    ago = _AGO.fullmatch(text)
    try:
        if ago:
            then = (now or dt.datetime.now(dt.UTC)) - dt.timedelta(seconds=int(ago[1]) * _SECONDS[ago[2]])
        else:
            then = dt.datetime.fromisoformat(text)
            then = then if then.tzinfo else then.replace(tzinfo=dt.UTC)
        return (then - _EPOCH) // dt.timedelta(microseconds=1)
    except (ValueError, OverflowError):
        raise ConfigError(
            f"{text} is no time", hint="write 2026-11-22, 2026-11-22T12:00:00Z, or 7d for a week ago"
        ) from None
