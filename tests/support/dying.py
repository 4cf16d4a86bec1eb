"""Run the exchange's command line in a process that kills itself at a chosen place, as `kill -9` would.

Run: python dying.py MODULE:NAME before|after ARM_FILE COUNT ARGUMENT...
     the process dies before or after the COUNTth call of NAME once ARM_FILE exists

Production code knows nothing of this: the name is wrapped from outside, in this process only.
"""

from __future__ import annotations

import functools
import importlib
import os
import runpy
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _wrap(original: Callable[..., Any], when: str, arm: Path, count: int) -> Callable[..., Any]:
    calls = 0

    @functools.wraps(original)
    def dying(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += arm.exists()
        if when == "before" and calls >= count:
            _die()
        result = original(*args, **kwargs)
        if when == "after" and calls >= count:
            _die()
        return result

    return dying


def main() -> None:
    """Wrap, then run."""
    place, when, arm, count, *arguments = sys.argv[1:]
    module_name, _, path = place.partition(":")
    holder: Any = importlib.import_module(module_name)
    *outer, name = path.split(".")
    for part in outer:
        holder = getattr(holder, part)
    setattr(holder, name, _wrap(getattr(holder, name), when, Path(arm), int(count)))
    sys.argv = arguments
    if arguments[0].endswith(".py"):
        runpy.run_path(arguments[0], run_name="__main__")
        return
    sys.argv = ["exchange", *arguments]
    importlib.import_module("exchange.cli.main").run()


if __name__ == "__main__":
    main()
