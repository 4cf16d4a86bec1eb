"""How a serving process logs: one line for each event, lower case, for people or as JSON."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from exchange.cli.console import plain


class _Line(logging.Formatter):
    """`2026-01-31T08:00:00.123Z warning exchange.broker text`, one line whatever the text holds."""

    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        if record.exc_info:
            text += f"\n{self.formatException(record.exc_info)}"
        one_line = plain(text).replace("\n", " | ")
        return f"{_time(record)} {record.levelname.lower()} {record.name} {one_line}"


class _Json(logging.Formatter):
    """The same as an object a line."""

    def format(self, record: logging.LogRecord) -> str:
        event = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        if record.exc_info:
            event["trace"] = self.formatException(record.exc_info)
        return json.dumps(event, ensure_ascii=True)


def set_up(*, as_json: bool, verbose: bool = False) -> None:
    """Send every event of this process to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if as_json else _Line())
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)


def _time(record: logging.LogRecord) -> str:
    return (
        datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )
