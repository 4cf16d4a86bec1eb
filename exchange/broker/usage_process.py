"""The process that answers about usage: one, bounded in time and memory, started again when it ends.

Indexing and counting millions of records would hold the broker's interpreter for seconds. So a process of low
priority does it; should it hang or die, one question is UNAVAILABLE and no access is any the later for it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from exchange.errors import LimitReached, Unavailable
from exchange.model.usage import Usage, UsageQuestion
from exchange.wire.child import Child, Gone

WORKER = "exchange.audit.reports.usage_worker"
LIMIT_S = 8.0
REPLY_BYTES_MAX = 16 << 20
FIRST_S = 30.0
"""Unless asked before, the process starts so long after the broker: at its start others need the machine."""
_HINT = "try again in a moment"
_log = logging.getLogger("exchange.broker.usage")


class UsageProcess:
    """Answers one question at a time, and one of each department's. Safe for many threads."""

    def __init__(self, log: Path, index: Path) -> None:
        """Start nothing yet.

        Args:
            log: the log's folder; read only.
            index: a folder for what is derived from it; may be deleted at any time.
        """
        self._log, self._index = log, index
        self._turn = threading.Lock()
        self._asking: set[str] = set()
        self._lock = threading.Lock()
        self._child: Child | None = None
        self._closed = threading.Event()

    def start(self) -> None:
        """Let the process run from some time on, so that the index is fresh when somebody asks."""
        threading.Thread(target=self._keep, name="usage", daemon=True).start()

    def ask(self, department: str, question: UsageQuestion) -> Usage:
        """The usage of the department's datasets.

        Raises:
            LimitReached: the department's last question is not answered yet.
            Unavailable: not answered in time, or the index is not built yet.
        """
        deadline_s = time.monotonic() + LIMIT_S
        with self._once(department):
            if not self._turn.acquire(timeout=LIMIT_S):
                raise Unavailable("usage is being asked for by too many at once", hint=_HINT)
            try:
                return _usage_in(self._exchange(department, question, deadline_s))
            finally:
                self._turn.release()

    def process(self) -> int:
        """The id of the process that runs, for the operator; 0 if none does."""
        with self._lock:
            return self._child.process.pid if self._child and self._child.runs else 0

    def close(self) -> None:
        """End the process, whoever is being answered; whoever asks afterwards is told so."""
        with self._lock:
            self._closed.set()
            child, self._child = self._child, None
        if child is not None:
            child.end()

    @contextlib.contextmanager
    def _once(self, department: str) -> Any:
        with self._lock:
            if department in self._asking:
                raise LimitReached("your department's last question is not answered yet", hint=_HINT)
            self._asking.add(department)
        try:
            yield
        finally:
            with self._lock:
                self._asking.discard(department)

    def _exchange(self, department: str, question: UsageQuestion, deadline_s: float) -> dict[str, Any]:
        message = {"department": department, "question": question.model_dump(mode="json")}
        child = self._running()
        try:
            return child.exchange(message, deadline_s)
        except Gone as gone:
            self._bury(child)
            raise Unavailable("usage cannot be answered now", hint=_HINT, detail=f"worker: {gone}") from None
        except BaseException:
            self._bury(child)  # whatever stopped us may have left half a frame in the socket
            raise

    def _running(self) -> Child:
        with self._lock:
            if self._closed.is_set():
                raise Unavailable("the broker is stopping", hint=_HINT)
            if self._child is None or not self._child.runs:
                if self._child is not None:
                    _log.error(
                        "the usage worker ended with %s; starting another", self._child.process.returncode
                    )
                    self._child.end()
                self._child = self._launch()
            return self._child

    def _launch(self) -> Child:
        words = ("-m", WORKER, str(self._log), str(self._index), str(LIMIT_S))
        try:
            return Child(words, REPLY_BYTES_MAX)
        except OSError as error:
            raise Unavailable("usage cannot be answered now", hint=_HINT, detail=str(error)) from None

    def _bury(self, child: Child) -> None:
        with self._lock:
            if self._child is child:
                self._child = None
        child.end()

    def _keep(self) -> None:
        while not self._closed.wait(FIRST_S):
            with contextlib.suppress(Unavailable):
                self._running()


def _usage_in(reply: dict[str, Any]) -> Usage:
    if reply.get("late"):
        raise Unavailable("the broker is still indexing its log", hint="try again in a minute")
    try:
        return Usage.model_validate_json(json.dumps(reply["usage"]))
    except (KeyError, ValidationError):
        detail = f"worker: {reply.get('failed', 'an answer that is none')}"
        raise Unavailable("usage cannot be answered now", hint=_HINT, detail=detail) from None
