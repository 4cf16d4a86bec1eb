"""The broker as one process or, in tests, as one object: assembled, started, drained, stopped."""

from __future__ import annotations

import logging
import signal
import threading
from concurrent import futures
from contextlib import ExitStack
from types import FrameType
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from exchange.audit.log import AuditLog
from exchange.broker.alarm import PolicyAlarm
from exchange.broker.assembly import Parts, assemble
from exchange.broker.desks.witnesses import WitnessDesk
from exchange.broker.services import handlers
from exchange.broker.settings import BrokerSettings
from exchange.errors import ConfigError, Unavailable
from exchange.model.clock import Clock, SystemClock
from exchange.security.tls import server_credentials, server_options
from exchange.wire import flight
from exchange.wire.serving import SERVICES

GRACE_S = 10.0
CALLS_WAITING_MAX = 1024
"""Calls that wait for a thread; more are turned away at once instead of waiting unseen."""
STREAMS_PER_CONNECTION_MAX = 128
_log = logging.getLogger("exchange.broker")


ALARM = "exchange.policy.publications"
"""Health knows it beside the services: not serving from a publication that failed until one succeeds."""


WITNESSES = "exchange.audit.witnesses"
"""Likewise: not serving while witnesses are missing, or hold a checkpoint against the log."""


class _Health(health.HealthServicer):
    """Health that knows of the audit log, without which nothing is served, and of the alarms beside it."""

    def __init__(self, log: AuditLog, alarm: PolicyAlarm, witnesses: WitnessDesk) -> None:
        super().__init__(experimental_non_blocking=False)
        self._log = log
        self._alarm = alarm
        self._witnesses = witnesses

    def Check(  # noqa: N802 - the name is the protocol's
        self, request: Any, context: grpc.ServicerContext
    ) -> Any:
        """The status of one service; NOT_SERVING for all once the log has failed (F2), for alarms as said."""
        answer = super().Check(request, context)
        standing = {ALARM: self._alarm.standing, WITNESSES: self._witnesses.alarm}
        down = self._log.failure or standing.get(request.service)
        if down and answer.status == health_pb2.HealthCheckResponse.SERVING:
            return health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.NOT_SERVING)
        return answer


class Broker:
    """A running broker; `start` serves, `stop` drains. One for each state and audit folder (F23)."""

    def __init__(self, settings: BrokerSettings, clock: Clock | None = None) -> None:
        """Open keys, state, log and policies, and build the server.

        Raises:
            ConfigError: a setting, file or folder cannot be used, or another broker uses it; says which.
            PolicyInvalid: the policies do not load.
            LogCorrupt: the audit log was altered or damaged.
        """
        self._settings = settings
        clock = clock or SystemClock()
        with ExitStack() as undo:
            self._parts: Parts = assemble(settings, clock, undo)
            self._health = _Health(self._parts.log, self._parts.alarm, self._parts.witnesses)
            self._server = self._build(clock)
            self._opened = undo.pop_all()
        self.port = 0

    def start(self) -> int:
        """Serve; returns the port.

        Raises:
            ConfigError: the address cannot be used, for example because another process does.
        """
        try:
            self.port = self._server.add_secure_port(self._settings.listen, self._credentials)
        except RuntimeError:
            self.port = 0
        if not self.port:
            self.stop(grace_s=0)
            raise ConfigError(
                f"cannot listen on {self._settings.listen}",
                hint="another process may use the port; choose another one in `listen`",
            )
        self._parts.patience.start()
        self._parts.usage_process.start()
        self._parts.witnesses.start()
        self._parts.keeper.start()
        self._server.start()
        self._say(health_pb2.HealthCheckResponse.SERVING)
        _log.info("serving on %s (port %d)", self._settings.listen, self.port)
        return self.port

    def stop(self, grace_s: float = GRACE_S) -> None:
        """Take no new calls, let running ones finish for so long, close everything; idempotent (F22)."""
        self._say(health_pb2.HealthCheckResponse.NOT_SERVING)
        self._server.stop(grace_s).wait()
        self._parts.patience.close()
        self._parts.witnesses.close()
        self._parts.keeper.close()
        try:
            self._parts.settle()
        except Unavailable as error:
            # the database is locked or full: the next start reads the log instead (F6)
            _log.warning("the state could not be settled: %s", error.detail or error.public)
        finally:
            self._opened.close()

    def _build(self, clock: Clock) -> grpc.Server:
        limits = self._settings.limits
        self._credentials = server_credentials(self._settings.tls, clock)
        server = grpc.server(
            futures.ThreadPoolExecutor(limits.workers, thread_name_prefix="broker"),
            handlers=handlers(self._parts),
            interceptors=[self._parts.gate],
            options=[
                *server_options(limits.message_bytes_max),
                ("grpc.max_concurrent_streams", STREAMS_PER_CONNECTION_MAX),
            ],
            maximum_concurrent_rpcs=limits.workers + CALLS_WAITING_MAX,
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        names = (*SERVICES, flight.SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, server)
        return server

    def _say(self, status: Any) -> None:
        for name in ("", *SERVICES, flight.SERVICE, ALARM, WITNESSES):
            self._health.set(name, status)


def serve(settings: BrokerSettings, clock: Clock | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then drain and return.

    Raises:
        ConfigError, PolicyInvalid, LogCorrupt: as `Broker`, before anything is served.
    """
    broker = Broker(settings, clock)
    ended = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    broker.start()
    try:
        ended.wait()
    finally:
        broker.stop()
