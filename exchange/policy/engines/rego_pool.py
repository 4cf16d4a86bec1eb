"""Worker processes that run departments' conditions: few, bounded in time and memory, replaced when they end.

regorus holds the interpreter while it runs and ends the process where memory runs out. So what a department
wrote runs elsewhere: a question that takes too long costs one worker and one denial (T30, F19, F20).
"""

from __future__ import annotations

import hashlib
import json
import queue
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from exchange.errors import Unavailable
from exchange.model.canonical import JsonValue
from exchange.policy.engines.rego_answer import EvaluationFailed, Modules, Values
from exchange.policy.engines.rego_ast import engine_error
from exchange.wire.child import Child, Gone

WORKER = Path(__file__).with_name("rego_worker.py")
MEMORY_BYTES_MAX = 256 << 20
REPLY_BYTES_MAX = 4 << 20
START_S_MAX = 10.0
RETRY_S = 1.0


class _Worker(Child):
    """A process that runs conditions, and the modules it has been told of."""

    def __init__(self, limit_s: float) -> None:
        super().__init__((str(WORKER), str(limit_s), str(MEMORY_BYTES_MAX)), REPLY_BYTES_MAX, quiet=True)
        self.known: set[str] = set()


class WorkerPool:
    """So many workers, each replaced in the background when it ends. Safe for many threads."""

    def __init__(self, workers: int, limit_s: float) -> None:
        """Start nothing yet.

        Args:
            workers: processes; a question waits for a free one, but not beyond its time limit.
            limit_s: for one question, the waiting included.
        """
        self._workers = workers
        self._limit_s = limit_s
        self._free: queue.LifoQueue[_Worker] = queue.LifoQueue()
        self._all: set[_Worker] = set()
        self._lock = threading.Lock()
        self._opened = False
        self._closed = threading.Event()

    def open(self) -> None:
        """Start the workers, and wait for the first.

        Raises:
            Unavailable: none can be started.
        """
        with self._lock:
            first, self._opened = not self._opened, True
        if not first:
            return
        for _ in range(self._workers):
            self._replace()
        try:
            self._free.put(self._free.get(timeout=START_S_MAX))
        except queue.Empty:
            raise Unavailable(
                "no worker process for conditions can be started",
                hint="is memory or the number of processes limited? see [rego] in docs/configuration.md",
            ) from None

    def run(self, modules: Modules, question: Mapping[str, JsonValue]) -> list[Values]:
        """The values of every module's rules.

        Raises:
            EvaluationFailed: the engine's own words; or no worker was free in time, or the worker ended.
        """
        deadline_s = time.monotonic() + self._limit_s
        try:
            worker = self._free.get(timeout=self._limit_s)
        except queue.Empty:
            raise EvaluationFailed("no worker is free") from None
        try:
            values = _ask(worker, modules, question, deadline_s)
        except Gone as gone:
            self._bury(worker)
            raise EvaluationFailed(str(gone)) from None
        except EvaluationFailed:
            self._free.put(worker)
            raise
        except BaseException:
            self._bury(worker)  # whatever stopped us may have left half a frame in the socket
            raise
        self._free.put(worker)
        return values

    def processes(self) -> tuple[int, ...]:
        """The ids of the workers that run, for the operator."""
        with self._lock:
            return tuple(worker.process.pid for worker in self._all)

    def close(self) -> None:
        """End every worker; whoever asks afterwards is denied."""
        self._closed.set()
        with self._lock:
            workers, self._all = self._all, set()
        for worker in workers:
            worker.end()

    def _bury(self, worker: _Worker) -> None:
        with self._lock:
            self._all.discard(worker)
        worker.end()
        self._replace()

    def _replace(self) -> None:
        threading.Thread(target=self._start, name="rego-worker", daemon=True).start()

    def _start(self) -> None:
        """Add a worker that has answered once, so that its start is not counted against a question."""
        while not self._closed.is_set():
            worker = self._launch()
            if worker is not None:
                self._free.put(worker)
                return
            self._closed.wait(RETRY_S)

    def _launch(self) -> _Worker | None:
        try:
            worker = _Worker(self._limit_s)
        except OSError:
            return None
        try:
            worker.exchange({"key": "", "modules": [], "input": "{}", "rules": []}, _deadline(START_S_MAX))
        except Gone:
            worker.end()
            return None
        with self._lock:
            if not self._closed.is_set():
                self._all.add(worker)
                return worker
        worker.end()
        return None


def _deadline(limit_s: float) -> float:
    return time.monotonic() + limit_s


def _ask(
    worker: _Worker, modules: Modules, question: Mapping[str, JsonValue], deadline_s: float
) -> list[Values]:
    key = _key(modules)
    rules = [f"data.{module.package}.{rule}" for module in modules for rule in sorted(module.defines)]
    message = {"key": key, "input": json.dumps(question), "rules": rules}
    whole = message | {"modules": [[module.file, module.text] for module in modules]}
    reply = worker.exchange(message if key in worker.known else whole, deadline_s)
    if reply.get("unknown"):
        reply = worker.exchange(whole, deadline_s)
    worker.known.add(key)
    if "values" not in reply:
        line, message_text = engine_error(RuntimeError(reply.get("error", "no answer")))
        raise EvaluationFailed(message_text, line=line)
    values = iter(reply["values"])
    return [{rule: json.loads(next(values)) for rule in sorted(module.defines)} for module in modules]


_KEYS: dict[Modules, str] = {}


def _key(modules: Modules) -> str:
    """A digest of what would be sent; kept, since a decision should not hash a page of text."""
    key = _KEYS.get(modules)
    if key is None:
        if len(_KEYS) > 4096:  # noqa: PLR2004 -- many revisions, each with many departments
            _KEYS.clear()
        text = json.dumps([[module.file, module.text] for module in modules])
        key = _KEYS[modules] = hashlib.sha256(text.encode()).hexdigest()
    return key
