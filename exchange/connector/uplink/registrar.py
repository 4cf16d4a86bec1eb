"""Keeps the broker informed of what is shared here, and this connector informed of the ticket keys."""

from __future__ import annotations

import logging

import grpc

from exchange.connector.datasets import Datasets
from exchange.connector.records.journal import Journal
from exchange.connector.uplink.keyring import Keyring
from exchange.connector.uplink.link import BrokerLink
from exchange.connector.uplink.skew import Skew
from exchange.errors import RequestInvalid, Unavailable
from exchange.model.clock import Clock
from exchange.model.dataset import Dataset
from exchange.wire import clients
from exchange.wire.clients import Settled

_log = logging.getLogger(__name__)

CALL_S_MAX = 10.0
BEATS_PER_SILENCE = 3
PAUSE_S_MIN, PAUSE_S_MAX = 0.2, 60.0


class Registrar:
    """Registers, then calls regularly; registers again when a dataset changes or the broker has forgotten it.

    Args:
        link: to the broker; its TLS name is checked there, so no other can hand in keys.
        location: address that consumers dial.
        datasets: read anew before every call, so that a column added at the source is known at once (T45).
        keyring, skew: kept current with the broker's answers.
        journal: knows which tickets are settled.
        clock: compared with the broker's.
    """

    def __init__(
        self,
        link: BrokerLink,
        location: str,
        *,
        datasets: Datasets,
        keyring: Keyring,
        skew: Skew,
        journal: Journal,
        clock: Clock,
    ) -> None:
        self._link = link
        self._location = location
        self._datasets = datasets
        self._keyring = keyring
        self._skew = skew
        self._journal = journal
        self._clock = clock
        self._broker_us: int | None = None
        self._registered: tuple[Dataset, ...] | None = None
        self._pause_s = PAUSE_S_MIN

    @property
    def registered(self) -> bool:
        """Whether the broker knows this connector, as far as it has said."""
        return self._registered is not None

    def step(self) -> float:
        """Register if need be, then call once; the seconds until the next call.

        Raises:
            ExchangeError: the broker cannot be reached or refuses; the registration is then tried anew.
        """
        datasets = self._datasets.readable()
        if datasets != self._registered:
            self._registered = None
            self._link.call(lambda channel: self._register(channel, datasets))
        if not self._link.call(self._beat):
            self._registered = None
            return PAUSE_S_MIN
        return self._pause_s

    def _register(self, channel: grpc.Channel, datasets: tuple[Dataset, ...]) -> None:
        answer = clients.register(channel, self._location, datasets, timeout_s=CALL_S_MAX)
        self._trust(answer.keys)
        self._registered = datasets
        self._pause_s = min(max(answer.silent_after_s / BEATS_PER_SILENCE, PAUSE_S_MIN), PAUSE_S_MAX)
        _log.info("registered %d datasets at %s", len(datasets), self._location)

    def _beat(self, channel: grpc.Channel) -> bool:
        sent_us = self._clock.now_us()
        beat = clients.heartbeat(channel, self._location, self._settled(), timeout_s=CALL_S_MAX)
        if beat is None:
            return False
        self._skew.compare(beat.broker_time_us, sent_us, self._clock.now_us())
        self._broker_us = beat.broker_time_us
        self._trust(beat.keys)
        return True

    def _settled(self) -> Settled | None:
        """Which tickets are settled; None while that cannot be said, which leaves their rows spent."""
        if self._broker_us is None or self._skew.excessive:
            return None
        try:
            settlement = self._journal.settlement(self._broker_us)
        except Unavailable:
            return None
        return Settled(since_us=settlement.since_us, until_us=settlement.until_s * 1_000_000)

    def _trust(self, keys: dict[str, bytes]) -> None:
        try:
            self._keyring.replace(keys)
        except ValueError as error:
            raise RequestInvalid("the broker named a ticket key that is none", detail=str(error)) from None
