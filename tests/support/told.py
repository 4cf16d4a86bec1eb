"""Records told as plain dicts, for tests that ask an index about a story."""

from __future__ import annotations

import itertools
from typing import Any

DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000
MINUTE_US = 60_000_000
JUNE_US = 1_780_272_000_000_000  # 2026-06-01T00:00:00Z
DISPATCH = "spiffe://emergency.zhongshui.example/system/dispatch"
PRESS = "spiffe://press.zhongshui.example/system/desk"
_numbers = itertools.count(1)


def access() -> str:
    """An access id of its own."""
    return f"{next(_numbers):032x}"


def asked(us: int, **changes: Any) -> dict[str, Any]:
    """A decision; granted unless `reason` says why not."""
    refused = "reason" in changes
    told = {
        "kind": "decision",
        "us": us,
        "id": access(),
        "subject": DISPATCH,
        "department": "emergency",
        "dataset": "port.flights",
        "purpose": "emergency-response",
        "decision": "deny" if refused else "allow",
        "reason": "granted",
        "public_reason": "not-granted" if refused else "granted",
        "revision": 1,
        "columns_count": 4,
    }
    return told | changes


def ended(decision: dict[str, Any], rows: int, later_us: int = MINUTE_US, **changes: Any) -> dict[str, Any]:
    """The end of the stream that the decision stands for."""
    told = {
        "kind": "end",
        "us": decision["us"] + later_us,
        "id": decision["id"],
        "subject": decision["subject"],
        "dataset": decision["dataset"],
        "outcome": "complete",
        "rows": rows,
        "bytes": rows * 10,
    }
    return told | changes


def read(us: int, rows: int, **changes: Any) -> list[dict[str, Any]]:
    """A decision and the end of its stream."""
    decision = asked(us, **changes)
    return [decision, ended(decision, rows)]


def published(us: int, revision: int, **changes: Any) -> dict[str, Any]:
    """A policy of the port that came into force."""
    told = {
        "kind": "publication",
        "us": us,
        "subject": "spiffe://port.zhongshui.example/steward/wang",
        "department": "port",
        "revision": revision,
        "previous": revision - 1,
        "outcome": "published",
        "message": "more for dispatch",
    }
    return told | changes
