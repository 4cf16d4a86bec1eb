"""One thread that writes: what arrives while a commit is on its way to the disk shares the next one.

A commit costs one wait for the disk, however many callers it serves, so thirty-two streams that begin
together wait once and not thirty-two times (group commit). A caller gets its answer only after the commit.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from exchange.errors import ExchangeError, Unavailable

BATCH_MAX = 256
WAITING_MAX = 4096
LOCKED_S_MAX = 2.0

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], Any]
_Job = tuple[Work, "Future[Any]"]


class Commits:
    """Durable transactions on one SQLite file.

    Args:
        path: of the file; it exists and only its owner can read it.
        locked_s_max: how long to wait for another process that is writing (F6).
    """

    def __init__(self, path: Path, *, locked_s_max: float = LOCKED_S_MAX) -> None:
        self._connection = sqlite3.connect(
            path, timeout=locked_s_max, isolation_level=None, check_same_thread=False
        )
        self._connection.execute("PRAGMA synchronous = FULL")
        self._jobs: queue.Queue[_Job | None] = queue.Queue(WAITING_MAX)
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do the work inside a transaction, and return its value once that is durable.

        What it raises of the exchange's own errors is raised here; its own changes are then undone, those of
        the others that share the commit are not.

        Raises:
            Unavailable: the file is locked for too long, the disk is full or fails; nothing was changed.
        """
        future: Future[Any] = Future()
        with self._lock:
            if self._closed:
                raise Unavailable("the connector is stopping")
            try:
                self._jobs.put_nowait((work, future))
            except queue.Full:
                raise Unavailable("the connector's journal is overloaded", hint="try again later") from None
        result: T = future.result()
        return result

    def close(self) -> None:
        """Finish what was accepted and close the file; idempotent."""
        with self._lock:
            already, self._closed = self._closed, True
        if not already:
            self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        open_ = True
        while open_:
            jobs = self._take()
            open_ = jobs[-1] is not None
            accepted = [job for job in jobs if job is not None]
            if accepted:
                self._commit(accepted)
        self._connection.close()

    def _take(self) -> list[_Job | None]:
        jobs = [self._jobs.get()]
        while jobs[-1] is not None and len(jobs) < BATCH_MAX:
            try:
                jobs.append(self._jobs.get_nowait())
            except queue.Empty:
                break
        return jobs

    def _commit(self, jobs: list[_Job]) -> None:
        answers: list[tuple[Future[Any], Any, BaseException | None]] = []
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for work, future in jobs:
                answers.append((future, *self._attempt(work)))
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._undo()
            for _, future in jobs:
                future.set_exception(_unavailable(error))
            return
        for future, value, refusal in answers:
            if refusal is None:
                future.set_result(value)
            else:
                future.set_exception(refusal)

    def _attempt(self, work: Work) -> tuple[Any, BaseException | None]:
        self._connection.execute("SAVEPOINT job")
        try:
            value, refusal = work(self._connection), None
        except sqlite3.Error:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is belongs to the caller, not to this thread
            self._connection.execute("ROLLBACK TO job")
            value, refusal = None, error
        self._connection.execute("RELEASE job")
        return value, refusal

    def _undo(self) -> None:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            # Nothing was committed either way; the next BEGIN fails, and every admission with it.
            return


def _unavailable(error: sqlite3.Error) -> ExchangeError:
    return Unavailable(
        "the connector cannot record anything at the moment, so it delivers nothing",
        hint="try again later",
        detail=f"journal: {error}",
        reason="journal-unavailable",
    )
