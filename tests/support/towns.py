"""Running cities for tests: real processes, real certificates, real data."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from examples.city.acts import records
from examples.city.town import Town

PROGRAM = str(Path(sys.executable).with_name("exchange"))


def exchange_cli(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command line `exchange`."""
    command = [PROGRAM, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=60, check=False)


def recorded(town: Town, access_id: str, kind: str = "") -> list[dict[str, Any]]:
    """The log's records of one access."""
    found = [entry for entry in records(town) if entry.get("id") == access_id]
    return [entry for entry in found if not kind or entry["kind"] == kind]


def eventually(condition: Callable[[], Any], *, within_s: float = 20.0) -> Any:
    """The first true value of the condition.

    Raises:
        AssertionError: none within the time.
    """
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"did not happen within {within_s} s: {condition}")


def events(output: str) -> list[dict[str, Any]]:
    """The events a `reader.py` process printed."""
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]
