"""One connector process, put together: what it serves, what it remembers, what it tells the broker."""

from __future__ import annotations

import logging
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from exchange.audit.memory import LogMemory
from exchange.audit.proofs.note import VerifierKey
from exchange.connector.admit import Admission
from exchange.connector.alarms import Alarms
from exchange.connector.datasets import Datasets
from exchange.connector.own import OwnIdentity
from exchange.connector.plugins import open_source
from exchange.connector.pseudonyms import pseudonym_key
from exchange.connector.records.journal import Journal
from exchange.connector.records.ledger import Ledger
from exchange.connector.settings import ConnectorSettings
from exchange.connector.source import Source
from exchange.connector.streaming.limits import Slots
from exchange.connector.streaming.stream import Delivering
from exchange.connector.streaming.watch import Watchdog
from exchange.connector.uplink.keyring import Keyring
from exchange.connector.uplink.link import BrokerLink
from exchange.connector.uplink.registrar import Registrar
from exchange.connector.uplink.reporter import Reporter
from exchange.connector.uplink.reviewer import Reviewer
from exchange.connector.uplink.skew import Skew
from exchange.connector.uplink.witness import Witness
from exchange.connector.uplink.witness_inclusion import Inclusion
from exchange.connector.uplink.witness_key import memory_folder, witness_key
from exchange.connector.uplink.worker import Worker
from exchange.connector.verbs import FlightVerbs
from exchange.connector.wellness import Wellness
from exchange.errors import ConfigError, ExchangeError, SourceFailed, Unavailable
from exchange.model.clock import Clock, SystemClock
from exchange.model.subject import CITY, Kind
from exchange.security import tls
from exchange.security.identity import Peer, peer_of

_log = logging.getLogger(__name__)

REQUEST_BYTES_MAX = 1 << 20
"""Nothing a connector is asked is larger; a larger message fails its own call only (T23)."""

CALLS_BESIDE_STREAMS = 32
"""Threads for refusals and health, so that they are answered while every stream is taken (T66)."""

WITNESS_BACKOFF_S_MAX = 3.0
"""A broker that has just started may issue no ticket before it heard its witnesses."""

STREAMS_PER_CONNECTION_MAX = 128
FAREWELL_S = 3.0
LINKS = 5
"""To the broker, one for each of those who call it, so that none waits for another."""


class Connector:
    """A department's connector; `start` serves, `drain` or `stop` ends it for good.

    Args:
        settings: of this process.
        source: the department's store; closed at the end. None opens the plug-in that the settings name.
        clock: for lifetimes, deadlines and statements.

    Raises:
        ConfigError: something the operator wrote cannot work; nothing is served.
    """

    def __init__(
        self, settings: ConnectorSettings, *, source: Source | None = None, clock: Clock | None = None
    ) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._credentials = tls.server_credentials(settings.tls, self._clock)
        own = OwnIdentity(settings, self._clock)
        key = pseudonym_key(settings.state)
        self._source = source or open_source(settings)
        self._datasets = self._described()
        self._journal = Journal(settings.state, self._clock)
        self._keyring = Keyring(settings.department, self._journal)
        self._skew = Skew()
        self._ledger = Ledger(self._journal, own, own.id, self._clock)
        self._watchdog = Watchdog(self._clock, settings.limits.stall_s)
        self._slots = Slots(settings.limits.streams_max, settings.limits.streams_per_subject_max)
        self._delivering = Delivering(
            source=self._source,
            ledger=self._ledger,
            watchdog=self._watchdog,
            pseudonym_key=key,
            batch_rows_max=settings.limits.batch_rows_max,
        )
        self._links = tuple(BrokerLink(self._dial) for _ in range(LINKS))
        self._alarms = Alarms()
        self._witness_key = witness_key(settings)
        self._memory = _memory(settings)
        self._reviewer = Reviewer(self._links[2], self._journal, self._watchdog)
        self._health = Wellness(self._peer, self._alarms)
        self._server = self._build()
        self._workers: tuple[Worker, ...] = ()
        self._reporter = Reporter(self._links[1], self._journal, self._ledger)
        self._stopped = threading.Event()
        self.location = ""

    def start(self) -> None:
        """Serve; END stands for every stream of a dead predecessor before the first call is taken.

        Raises:
            ConfigError: the port is taken, or the journal cannot be used.
        """
        try:
            recovered = self._ledger.recover()
            if recovered:
                _log.warning("%d streams of a process that died were recorded as aborted", recovered)
            self.location = self._bind()
        except (ConfigError, Unavailable):
            self._release()
            raise
        self._workers = (
            Worker("registrar", self._registrar().step),
            Worker("reporter", self._reporter.step),
            Worker("reviewer", self._reviewer.step),
            Worker("witness", self._witness().step, backoff_s_max=WITNESS_BACKOFF_S_MAX),
            Worker("inclusion", self._inclusion().step),
        )
        self._watchdog.start()
        self._server.start()
        for worker in self._workers:
            worker.start()
        _log.info("connector of %s serves at %s", self._settings.department, self.location)

    def drain(self, deadline_s: float) -> None:
        """Take no new call, let running streams go on until the deadline, then end each with its END (F22).

        What the broker does not take within a few seconds waits on disk for the next start.
        """
        if self._stopped.is_set():
            return
        self._stopped.set()
        self._health.end()
        # A little grace beyond the deadline lets streams that are cut end with a clean status.
        over = self._server.stop(deadline_s + FAREWELL_S)
        if not over.wait(deadline_s):
            self._watchdog.cut_all(Unavailable("the connector is stopping", reason="connector-stopping"))
            over.wait(FAREWELL_S + 1)
        self._await_ends()
        self._say_goodbye()
        self._release()

    def stop(self) -> None:
        """End now."""
        self.drain(0)

    def _build(self) -> grpc.Server:
        calls_max = self._settings.limits.streams_max + CALLS_BESIDE_STREAMS
        options: list[tuple[str, Any]] = [
            *tls.server_options(REQUEST_BYTES_MAX),
            ("grpc.max_concurrent_streams", STREAMS_PER_CONNECTION_MAX),
        ]
        server = grpc.server(
            ThreadPoolExecutor(calls_max, thread_name_prefix="call"),
            options=options,
            # Whoever comes while every thread is busy is told so at once instead of waiting unseen.
            maximum_concurrent_rpcs=calls_max,
        )
        admission = Admission(
            keyring=self._keyring,
            datasets=self._datasets,
            ledger=self._ledger,
            skew=self._skew,
            reviewer=self._reviewer,
            clock=self._clock,
        )
        verbs = FlightVerbs(
            admission=admission,
            delivering=self._delivering,
            ledger=self._ledger,
            slots=self._slots,
            clock=self._clock,
            trust_domain=self._settings.trust_domain,
        )
        server.add_generic_rpc_handlers((verbs.handler(), self._health.handler()))
        return server

    def _peer(self, context: grpc.ServicerContext) -> Peer:
        return peer_of(context.auth_context(), self._settings.trust_domain, self._clock.now_us())

    def _bind(self) -> str:
        listen = self._settings.listen
        try:
            port = self._server.add_secure_port(listen, self._credentials)
        except RuntimeError:
            port = 0
        if not port:
            raise ConfigError(
                f"cannot listen on {listen}: the port is taken, or the address is not this machine's",
                hint="end what uses it, or choose another `listen` in connector.toml",
            )
        return self._settings.advertise or f"{listen.rpartition(':')[0]}:{port}"

    def _described(self) -> Datasets:
        datasets = Datasets(self._settings, self._source)
        try:
            datasets.read_all()
        except SourceFailed as error:
            # A source that is down for the moment is no reason not to be there when it comes back.
            _log.warning("the source cannot be read yet: %s (%s)", error.public, error.detail)
        return datasets

    def _registrar(self) -> Registrar:
        return Registrar(
            self._links[0],
            self.location,
            datasets=self._datasets,
            keyring=self._keyring,
            skew=self._skew,
            journal=self._journal,
            clock=self._clock,
        )

    def _witness(self) -> Witness:
        return Witness(
            self._links[3],
            self._memory,
            self._witness_key,
            self._alarms,
            self._clock,
            every_s=self._settings.witness.every_s,
        )

    def _inclusion(self) -> Inclusion:
        return Inclusion(
            self._links[4],
            self._memory,
            self._journal,
            self._alarms,
            self._clock,
            overdue_s=self._settings.witness.overdue_s,
        )

    def _dial(self) -> grpc.Channel:
        settings = self._settings
        return tls.channel(
            settings.broker, settings.tls, CITY, Kind.BROKER, settings.trust_domain, clock=self._clock
        )

    def _await_ends(self) -> None:
        until_s = time.monotonic() + FAREWELL_S
        while self._watchdog.running and time.monotonic() < until_s:
            self._watchdog.sweep()
            time.sleep(0.02)

    def _say_goodbye(self) -> None:
        for worker in self._workers:
            worker.close(FAREWELL_S)
        try:
            self._reporter.flush()
        except ExchangeError as error:
            _log.warning("some statements wait on disk for the next start: %s", error.public)

    def _release(self) -> None:
        self._stopped.set()
        self._watchdog.close()
        for link in self._links:
            link.close()
        self._journal.close()
        self._source.close()


def _memory(settings: ConnectorSettings) -> LogMemory:
    wanted = settings.witness.log_key
    return LogMemory(memory_folder(settings), VerifierKey.parse(wanted) if wanted else None)


def serve(settings: ConnectorSettings, clock: Clock | None = None) -> None:
    """Run a connector until SIGTERM or SIGINT, then drain it; call it from the main thread.

    Raises:
        ConfigError: something the operator wrote cannot work.
    """
    connector = Connector(settings, clock=clock)
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    connector.start()
    told.wait()
    _log.info("draining for at most %s s", settings.limits.drain_s)
    connector.drain(settings.limits.drain_s)
