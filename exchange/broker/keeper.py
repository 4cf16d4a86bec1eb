"""Keeps the audit log small: archives sealed segments, and removes the payload of those that are too old.

One thread, a round an hour. What goes wrong is logged and tried again in the next round; nothing that is
served waits for it, and nothing is removed before the log says so under a signed checkpoint.
"""

from __future__ import annotations

import logging
import threading
import time

from exchange.audit.keeping.archive import archive
from exchange.audit.keeping.retain import due, remove
from exchange.audit.log import AuditLog
from exchange.audit.proofs.checkpoint import open_checkpoint
from exchange.audit.proofs.note import VerifierKey
from exchange.audit.records.retention import Retained
from exchange.audit.storage.layout import Layout
from exchange.broker.settings import RetentionSettings
from exchange.errors import AuditUnavailable, ConfigError, ExchangeError
from exchange.model.clock import Clock

_DAY_US = 86_400_000_000
_SIGNED_S_MAX = 30.0
_log = logging.getLogger("exchange.broker.keeper")


class Keeper:
    """Runs from `start` to `close`; does nothing where the settings ask for nothing."""

    def __init__(
        self, log: AuditLog, key: VerifierKey, wanted: RetentionSettings, subject: str, clock: Clock
    ) -> None:
        """Prepare.

        Raises:
            ConfigError: payload would be lost for good, and nobody said that it may.
        """
        if wanted.keep_days is not None and (wanted.archive is None) != wanted.no_archive:
            raise ConfigError(
                "`[retention] keep_days` needs to know where old records are to lie",
                hint="name an `archive` folder, or set `no_archive = true` to lose them for good",
            )
        self._log, self._key, self._wanted, self._subject, self._clock = log, key, wanted, subject, clock
        self._layout = Layout(log.folder)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audit-keeper", daemon=True)

    def start(self) -> None:
        """Begin, if there is anything to do."""
        if self._wanted.archive is not None or self._wanted.keep_days is not None:
            self._thread.start()

    def close(self) -> None:
        """End after the segment in hand; idempotent."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def round(self) -> list[Retained]:
        """Archive what is new, then remove what is due; what was removed.

        Raises:
            ExchangeError, OSError: as the steps do; what was done stays done.
        """
        wanted, gone = self._wanted, []
        if wanted.archive is not None:
            archive(self._layout.folder, wanted.archive, self._key)
        if wanted.keep_days is not None:
            before_us = self._clock.now_us() - wanted.keep_days * _DAY_US
            for seal in due(self._layout, self._key, before_us):
                if self._ended.is_set():
                    break
                gone.append(remove(self._layout, seal, announce=self._announce, archive=wanted.archive))
                _log.info("records %d to %d removed under retention", seal.first, seal.size - 1)
        return gone

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self.round()
            except (ExchangeError, OSError) as error:
                _log.warning("the audit log was not archived or shortened: %s", error)
            self._ended.wait(self._wanted.every_s)

    def _announce(self, retained: Retained) -> None:
        """Record the removal, and wait until a signed checkpoint covers it."""
        index = self._log.append(retained.record(self._subject))
        until = time.monotonic() + _SIGNED_S_MAX
        while open_checkpoint(self._log.checkpoint(), self._key).size <= index:
            if time.monotonic() > until or self._ended.wait(0.05):
                raise AuditUnavailable("no checkpoint covers the removal yet, so nothing is removed")
