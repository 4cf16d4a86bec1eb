"""The broker's state in SQLite: durable when `write` returns, and cheap because commits are shared.

`note` is for what the audit log can rebuild: it survives the end of the process like all the rest, but the
disk is not waited for. A power loss may take the last notes, never one before a `write` or out of order, and
`catch_up` brings back what the log holds.

One connection writes. Threads that arrive while a commit is running are gathered and committed together by
whichever of them comes next (group commit), each in its own savepoint, so that one failing work undoes only
itself. Readers share the connection under the same lock: the database is small and its pages are in memory.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

from exchange.broker.state.schema import migrate
from exchange.errors import ConfigError, Unavailable

BUSY_S = 2.0
"""How long a locked database is waited for (F6)."""
BATCH_MAX = 256
PUT_OFF_MAX = 64

_log = logging.getLogger("exchange.broker.state.store")
T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]


class Store:
    """A SQLite file with write-ahead log and a schema of known version."""

    def __init__(self, path: Path, *, busy_s: float = BUSY_S) -> None:
        """Open or create the database.

        Raises:
            ConfigError: the file is no database, is of a newer version, or cannot be opened.
        """
        try:
            # SQLite gives its side files the mode of the main one; it tells who read what, and all policies.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            path.chmod(0o600)
            self._connection = sqlite3.connect(
                path, timeout=busy_s, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
            self._connection.execute("PRAGMA foreign_keys=ON")
            self._full = True
            migrate(self._connection)
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(f"{path} cannot be used as the broker's database: {error}") from None
        self._turn = threading.Lock()
        self._waiting: deque[_Job[Any]] = deque()
        self._put_off: deque[_Job[object]] = deque()

    def write(self, work: Work[T]) -> T:
        """Run the work in a transaction; what it did is durable once this returns.

        Raises:
            Unavailable: the database is locked or its disk is full; nothing of the work remains.
            Exception: whatever the work raised; nothing of it remains.
        """
        return self._do(_Job(work, durable=True))

    def note(self, work: Work[T]) -> T:
        """As `write`, but a power loss may undo it, together with whatever came after it.

        Raises:
            Unavailable: the database is locked or its disk is full; nothing of the work remains.
            Exception: whatever the work raised; nothing of it remains.
        """
        return self._do(_Job(work, durable=False))

    def later(self, work: Work[object]) -> None:
        """As `note`, but put off until somebody reads or writes, or until enough has come together.

        Whoever reads sees it, so only a lost process can tell. Work that fails by itself is left out, and the
        operator told: nobody is there to be told, and what others wrote must not wait for it.

        Raises:
            Unavailable: much is put off already, and the database takes none of it; nor was this taken.
        """
        if len(self._put_off) >= PUT_OFF_MAX:
            with self._turn:
                taken = self._commit([])
            if not taken:
                raise _unavailable(sqlite3.OperationalError("nothing more can be put off"))
        self._put_off.append(_Job(work, durable=False))

    def read(self, work: Work[T]) -> T:
        """Run a query; sees every write that has returned.

        Raises:
            Unavailable: the database cannot be read.
        """
        with self._turn:
            if self._put_off and not self._commit([]):
                raise _unavailable(sqlite3.OperationalError("what was put off cannot be written"))
            try:
                return work(self._connection)
            except sqlite3.Error as error:
                raise _unavailable(error) from None

    def close(self) -> None:
        """Close the file; later calls fail."""
        with self._turn:
            if self._put_off:
                self._commit([])
            self._connection.close()

    def _do(self, job: _Job[T]) -> T:
        self._waiting.append(job)
        with self._turn:
            # whoever held the turn before may have committed this job along with its own
            while not job.done:
                self._commit(self._gather())
        return job.result()

    def _gather(self) -> list[_Job[Any]]:
        jobs: list[_Job[Any]] = []
        while self._waiting and len(jobs) < BATCH_MAX:
            jobs.append(self._waiting.popleft())
        return jobs

    def _commit(self, jobs: list[_Job[Any]]) -> bool:
        """What was put off, then the jobs; False if nothing was done: what was put off then stays."""
        put_off = [self._put_off[place] for place in range(len(self._put_off))]
        try:
            self._sync(full=any(job.durable for job in jobs))
            self._connection.execute("BEGIN IMMEDIATE")
            self._run_put_off(put_off)
            for job in jobs:
                job.run(self._connection)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            done = False
            for job in jobs:
                job.fail(_unavailable(error))
        else:
            done = True
            for note in put_off:
                self._put_off.popleft()
                note.report()
        for job in jobs:
            job.done = True
        return done

    def _run_put_off(self, notes: list[_Job[object]]) -> None:
        """All of them at once; each by itself only where one fails."""
        self._connection.execute("SAVEPOINT notes")
        try:
            for note in notes:
                note.work(self._connection)
        except sqlite3.OperationalError:
            raise
        except Exception:  # noqa: BLE001 - the one that fails will be found and reported
            self._connection.execute("ROLLBACK TO notes")
            for note in notes:
                note.run(self._connection)
        self._connection.execute("RELEASE notes")

    def _sync(self, *, full: bool) -> None:
        """Whether the next commit waits for the disk; a sync covers the commits before it as well."""
        if full != self._full:
            self._connection.execute(f"PRAGMA synchronous={'FULL' if full else 'NORMAL'}")
            self._full = full

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except sqlite3.Error:
                _log.exception("the database could not roll back")


class _Job(Generic[T]):
    """One thread's work, its outcome, and whether that outcome is final."""

    def __init__(self, work: Work[T], *, durable: bool) -> None:
        self.work = work
        self.durable = durable
        self._values: list[T] = []
        self._error: Exception | None = None
        self.done = False

    def run(self, connection: sqlite3.Connection) -> None:
        self._error = None  # of an attempt that came to nothing
        connection.execute("SAVEPOINT job")
        try:
            self._values.append(self.work(connection))
        except sqlite3.OperationalError:
            raise  # locked, full, input/output: it concerns the whole transaction
        except Exception as error:  # noqa: BLE001 - handed to the thread that brought the work
            self._error = error
            connection.execute("ROLLBACK TO job")
        connection.execute("RELEASE job")

    def fail(self, error: Exception) -> None:
        self._error = error

    def report(self) -> None:
        """Tell the operator of an error that nobody waits for."""
        if self._error is not None:
            _log.error("what was put off failed by itself and is left out", exc_info=self._error)

    def result(self) -> T:
        if self._error is not None:
            raise self._error
        return self._values[0]


def _unavailable(error: sqlite3.Error) -> Unavailable:
    return Unavailable("the broker's state cannot be reached at the moment", detail=f"sqlite: {error}")
