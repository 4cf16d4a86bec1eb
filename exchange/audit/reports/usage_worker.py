"""A process that keeps an index of the log fresh and answers questions about usage from it, and nothing else.

The broker starts it (`python -I -m exchange.audit.reports.usage_worker LOG INDEX LIMIT_S`): what it costs, it
costs in a process of its own, of low priority, with bounded memory. Its standard input is a socket; a frame
is four bytes of length, big-endian, and JSON. It ends when the socket closes; a timer that the interpreter
cannot delay ends a question that never does.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

from exchange.audit.index.build import refresh
from exchange.audit.index.reading import opened
from exchange.audit.reports.usage import usage
from exchange.errors import ExchangeError
from exchange.model.usage import UsageQuestion

MEMORY_BYTES_MAX = 4 << 30
"""Address space: DuckDB and Arrow reserve far more than they use; DuckDB's own limit is much lower."""
NICENESS = 10
EVERY_S = 10.0
FRESH_S = 2.0
"""A question waits so long for the newest records; then what the index has is the answer, and says so."""
GRACE_S = 1.0
"""After the limit that the broker keeps itself; only an orphan lives to see this timer."""
_log = logging.getLogger("exchange.audit.usage")


class Freshness:
    """Refreshes the index again and again in a thread of its own, at once when somebody asks."""

    def __init__(self, log: Path, index: Path) -> None:
        self._log, self._index = log, index
        self._changed = threading.Condition()
        self._wanted = 0
        self._begun = 0
        self._done = 0
        self._built = False
        self.failed = ""

    def start(self) -> None:
        """Begin with the first refresh."""
        threading.Thread(target=self._run, name="refresh", daemon=True).start()

    def wait(self, limit_s: float) -> bool:
        """Whether there is an index to ask: one begun from now on if that is ready soon, else the last."""
        deadline = time.monotonic() + limit_s
        with self._changed:
            self._wanted = mine = self._begun + 1
            self._changed.notify_all()
            soon = min(FRESH_S, limit_s)
            if not self._changed.wait_for(lambda: self._done >= mine, soon) and not self._built:
                # the very first index is worth waiting for
                self._changed.wait_for(lambda: self._built, max(0.0, deadline - time.monotonic()))
            return self._built and not self.failed

    def _run(self) -> None:
        while True:
            with self._changed:
                self._begun = mine = self._begun + 1
            failed = self._refresh()
            with self._changed:
                self._done, self.failed = mine, failed
                self._built = self._built or not failed
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._wanted > self._begun, EVERY_S)

    def _refresh(self) -> str:
        try:
            refresh(self._log, self._index)
        except ExchangeError as error:
            _log.error("the index of the log cannot be refreshed: %s", error)
            return error.public
        except Exception as error:  # noqa: BLE001 - whatever it was, the next round tries again
            _log.exception("the index of the log cannot be refreshed")
            return type(error).__name__
        return ""


def main(log: Path, index: Path, limit_s: float) -> None:
    """Answer questions until the other side closes the socket."""
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the broker's to handle
    fresh = Freshness(log, index)
    fresh.start()
    with socket.socket(fileno=0) as peer, peer.makefile("rwb") as stream:
        while len(head := stream.read(4)) == 4:  # noqa: PLR2004 - the length of a length
            asked = json.loads(stream.read(int.from_bytes(head, "big")))
            signal.setitimer(signal.ITIMER_REAL, limit_s + GRACE_S)
            reply = json.dumps(answer(fresh, index, asked, limit_s)).encode()
            signal.setitimer(signal.ITIMER_REAL, 0)
            stream.write(len(reply).to_bytes(4, "big") + reply)
            stream.flush()


def answer(fresh: Freshness, index: Path, asked: dict[str, Any], limit_s: float) -> dict[str, Any]:
    """The reply to one frame: `usage`, or `late` while there is no index yet, or `failed`."""
    if not fresh.wait(limit_s / 2):
        return {"failed": fresh.failed} if fresh.failed else {"late": True}
    try:
        question = UsageQuestion.model_validate_json(json.dumps(asked["question"]))
        with opened(index) as connection:
            return {"usage": usage(connection, asked["department"], question).model_dump(mode="json")}
    except Exception as error:  # noqa: BLE001 - told to the broker, which answers UNAVAILABLE
        _log.exception("a question about usage failed")
        return {"failed": type(error).__name__}


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]))
    os._exit(0)  # a refresh may be under way; it is atomic, and nobody waits for it
