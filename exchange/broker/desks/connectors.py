"""Where connectors announce themselves: registrations are judged, audited, and only then in force."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping

from exchange.audit.records.kinds import RegistrationRecord
from exchange.audit.records.record import bounded
from exchange.broker.access import MICROS
from exchange.broker.ledger import Ledger
from exchange.broker.state.registry import MISSED_MAX, Registration, Registry, check
from exchange.broker.state.upkeep import Upkeep
from exchange.errors import NotRegistered, RequestInvalid, Unavailable
from exchange.model.clock import Clock
from exchange.model.dataset import Dataset
from exchange.model.subject import Subject
from exchange.model.ticket import CLOCK_LEEWAY_S
from exchange.wire.clients import Beat, Registered, Settled
from exchange.wire.serving import Parse

_log = logging.getLogger("exchange.broker.desks.connectors")


class ConnectorDesk:
    """Registrations and heartbeats."""

    def __init__(
        self,
        registry: Registry,
        upkeep: Upkeep,
        ledger: Ledger,
        clock: Clock,
        *,
        ticket_keys: Mapping[str, bytes],
        heartbeat_s: int,
    ) -> None:
        self._registry = registry
        self._upkeep = upkeep
        self._ledger = ledger
        self._clock = clock
        self._ticket_keys = dict(ticket_keys)
        self._heartbeat_s = heartbeat_s

    def register(self, speaker: Subject, parse: Parse[tuple[str, tuple[Dataset, ...]]]) -> Registered:
        """Replace the registration of the speaker's department; a new location takes over from the old one.

        Raises:
            RequestInvalid: it speaks of what is not its own (T9), or of no address; recorded.
            AuditUnavailable, Unavailable: nothing was changed.
        """
        try:
            location, datasets = parse()
            registration = Registration(speaker.department, location, datasets)
            check(registration)
        except RequestInvalid as error:
            self._record_refusal(speaker, error)
            raise
        # only what changes is recorded; repeating a registration is a heartbeat
        if not self._registry.is_current(registration):
            self._record(speaker, registration)
        self._registry.register(registration)
        return Registered(keys=self._ticket_keys, silent_after_s=MISSED_MAX * self._heartbeat_s)

    def heartbeat(self, speaker: Subject, location: str, settled: Settled | None) -> Beat:
        """Note that the connector lives, and free the rows of tickets that it never used and never will.

        Raises:
            NotRegistered: it is not known at this address, and must register.
        """
        if not self._registry.heartbeat(speaker.department, location):
            raise NotRegistered("this connector is not registered at this address")
        now_us = self._clock.now_us()
        if settled is not None:
            self._settle(speaker.department, settled, now_us)
        return Beat(keys=self._ticket_keys, broker_time_us=now_us)

    def _settle(self, department: str, settled: Settled, now_us: int) -> None:
        # whatever a connector claims, a ticket that this clock does not hold for expired stays spent
        until_us = min(settled.until_us, now_us - CLOCK_LEEWAY_S * MICROS)
        if not 0 <= settled.since_us < until_us:
            return
        try:
            self._upkeep.settled(department, settled.since_us, until_us)
        except Unavailable as error:
            _log.warning("unused rows stay spent until the next heartbeat: %s", error.detail)

    def _record(self, speaker: Subject, registration: Registration) -> None:
        before = self._registry.connector(speaker.department)
        old = {dataset.id: dataset for dataset in before.datasets} if before else {}
        moved = before is not None and before.location != registration.location
        new = {dataset.id: dataset for dataset in registration.datasets}
        access_id = uuid.uuid4().hex
        records = [
            RegistrationRecord(
                id=access_id,
                subject=speaker.id,
                department=speaker.department,
                dataset=dataset.id,
                schema_digest=dataset.schema_digest,
                columns_count=len(dataset.columns),
                location=registration.location,
                outcome="changed" if dataset.id in old else "registered",
            )
            for dataset in new.values()
            if moved or old.get(dataset.id) != dataset
        ]
        records += [
            RegistrationRecord(
                id=access_id,
                subject=speaker.id,
                department=speaker.department,
                dataset=dataset,
                location=registration.location,
                outcome="withdrawn",
            )
            for dataset in old
            if dataset not in new
        ]
        if records:
            self._ledger.append_many(records)

    def _record_refusal(self, speaker: Subject, error: RequestInvalid) -> None:
        error.id = error.id or uuid.uuid4().hex
        record = RegistrationRecord(
            id=error.id,
            subject=speaker.id,
            department=speaker.department,
            dataset="",
            outcome="refused",
            reason=bounded(error.stable_reason, 128),
        )
        self._ledger.append_many([record])
