"""The OPA server as the gate uses it: a few threads, each with its connection, none waited for too long.

requests bounds each read of a socket, not a whole call: a server that sends a byte now and then would hold
its caller for ever. So the call runs in a thread of its own, and the caller leaves when its time is up.
"""

from __future__ import annotations

import contextlib
import functools
import queue
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

import requests
from opa_client.errors import DeletePolicyError, RegoParseError

from exchange.errors import ExchangeError, Unavailable
from exchange.model.canonical import JsonValue
from exchange.policy.engines.opa_client import Connection
from exchange.policy.engines.rego_answer import EvaluationFailed
from exchange.policy.engines.settings import RegoSettings

_Job = tuple[Callable[[Connection], Any], "Future[Any]"]
PUSH_LIMIT_S = 10.0
WAITING_MAX = 256


class OpaServer:
    """Calls to one server, each bounded in time whatever the server does. Safe for many threads."""

    def __init__(self, settings: RegoSettings) -> None:
        """Prepare the connections.

        Raises:
            ConfigError: the token's file cannot be used.
        """
        self._limit_s = settings.timeout_ms / 1000
        self._url = settings.url
        self._jobs: queue.Queue[_Job | None] = queue.Queue(WAITING_MAX)
        self._unwanted: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._connections = [Connection(settings) for _ in range(settings.workers)]
        for connection in self._connections:
            threading.Thread(target=self._serve, args=(connection,), name="opa", daemon=True).start()

    def put(self, id_: str, text: str) -> None:
        """Store a module, as it is written: the client's own rewriting of old Rego stays off.

        Raises:
            EvaluationFailed: refused by OPA, then with its line; or no answer in time.
        """
        self.sweep()
        self._call(lambda opa: _put(opa, text, id_), PUSH_LIMIT_S)

    def query(self, path: str, question: Mapping[str, JsonValue], options: Mapping[str, str]) -> Any:
        """The reply as JSON; EvaluationFailed for anything but status 200 in time."""
        return self._call(
            lambda opa: opa.query_rule(dict(question), path, query_params=dict(options)), self._limit_s
        )

    def forget(self, ids: tuple[str, ...]) -> None:
        """Note modules that nobody asks any more; they are deleted before the next ones are pushed.

        Called when a gate is collected, in whatever thread that happens, so it only makes a note.
        """
        for id_ in ids:
            self._unwanted.put(id_)

    def sweep(self) -> None:
        """Delete the modules noted; one that is not there is gone already."""
        while True:
            try:
                id_ = self._unwanted.get_nowait()
            except queue.Empty:
                return
            self._call(functools.partial(_delete, id_), PUSH_LIMIT_S)

    def check(self) -> None:
        """Ask for a sign of life.

        Raises:
            Unavailable: there is none.
        """
        try:
            self._call(lambda opa: opa.check_connection(), PUSH_LIMIT_S)
        except EvaluationFailed as error:
            raise Unavailable(
                f"the OPA server at {self._url} does not answer",
                hint="start it, or mend `url` in [rego]",
                detail=str(error),
            ) from None

    def close(self) -> None:
        """Delete what nobody asks any more, as far as the server still answers, and end the threads."""
        with contextlib.suppress(EvaluationFailed):  # a server that is gone holds nothing any more
            self.sweep()
        for _ in self._connections:
            self._jobs.put(None)

    def _serve(self, connection: Connection) -> None:
        while (job := self._jobs.get()) is not None:
            call, future = job
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(call(connection))
            except Exception as error:  # noqa: BLE001 -- raised again where the answer is awaited
                future.set_exception(error)
        connection.close_connection()

    def _call(self, call: Callable[[Connection], Any], limit_s: float) -> Any:
        future: Future[Any] = Future()
        try:
            self._jobs.put_nowait((call, future))
            return future.result(limit_s)
        except queue.Full:
            raise EvaluationFailed("every connection to the OPA server is busy") from None
        except TimeoutError:
            future.cancel()
            raise EvaluationFailed("the OPA server did not answer in time") from None
        except requests.exceptions.RequestException as error:
            raise EvaluationFailed(f"the OPA server failed: {type(error).__name__}") from None
        except (EvaluationFailed, ExchangeError):
            raise
        except Exception as error:
            raise EvaluationFailed(f"the OPA server answered unreadably: {type(error).__name__}") from error


def _put(opa: Connection, text: str, id_: str) -> None:
    try:
        opa.update_policy_from_string(text, id_, rego_compat=False)
    except RegoParseError as error:
        found = (error.errors or [{}])[0]
        place = found.get("location") or {}
        raise EvaluationFailed(
            str(found.get("message", error.message)),
            file=str(place.get("file", id_)),
            line=int(place.get("row", 1)),
        ) from None


def _delete(id_: str, opa: Connection) -> None:
    try:
        opa.delete_policy(id_)
    except DeletePolicyError:
        return
