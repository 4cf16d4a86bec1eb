"""The connection to the broker, opened anew when it fails, so that renewed certificates come into use."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

import grpc

from exchange.errors import ExchangeError

T = TypeVar("T")


class BrokerLink:
    """Lends the channel to the broker; used from several threads.

    Args:
        open_channel: opens one that only the broker itself can answer on; it raises ConfigError while the
            certificate files cannot be used.
    """

    def __init__(self, open_channel: Callable[[], grpc.Channel]) -> None:
        self._open = open_channel
        self._channel: grpc.Channel | None = None
        self._lock = threading.Lock()

    def call(self, work: Callable[[grpc.Channel], T]) -> T:
        """What the work makes of the channel; one that fails is given up.

        Raises:
            ExchangeError: as the work or the opening raised it.
        """
        channel = self._current()
        try:
            return work(channel)
        except ExchangeError:
            self._give_up(channel)
            raise

    def close(self) -> None:
        """Close the channel; a later call would open another."""
        with self._lock:
            channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()

    def _current(self) -> grpc.Channel:
        with self._lock:
            if self._channel is None:
                self._channel = self._open()
            return self._channel

    def _give_up(self, channel: grpc.Channel) -> None:
        with self._lock:
            if self._channel is channel:
                self._channel = None
        channel.close()
