"""What is shared, as far as the caller may know it; gRPC's ListDatasets and Flight's ListFlights."""

from __future__ import annotations

import datetime as dt

from exchange.broker.access import MICROS
from exchange.broker.in_force import InForce
from exchange.broker.state.registry import Registry
from exchange.model.clock import Clock
from exchange.model.subject import Subject
from exchange.policy.visible import VisibleDataset, visible
from exchange.wire.asking import Entry


class Catalogue:
    """The registered and classified datasets, seen through policy."""

    def __init__(self, in_force: InForce, registry: Registry, clock: Clock, operating_state: str) -> None:
        self._in_force = in_force
        self._registry = registry
        self._clock = clock
        self._operating_state = operating_state

    def entries(self, subject: Subject) -> tuple[tuple[Entry, ...], int]:
        """What the subject could be granted now, by id, and the revision the answer stands on."""
        now = dt.datetime.fromtimestamp(self._clock.now_us() / MICROS, dt.UTC)
        with self._in_force.bundle() as bundle:
            found = visible(bundle, subject, self._registry.schemas, now=now, state=self._operating_state)
            return tuple(map(self._entry, found)), bundle.revision

    def _entry(self, seen: VisibleDataset) -> Entry:
        return Entry(
            id=seen.id,
            title=seen.title,
            department=seen.id.partition(".")[0],
            purposes=seen.purposes,
            columns=seen.columns,
            availability=self._registry.availability(seen.id).value,
            sharing=seen.sharing,
            grade=seen.grade,
            update_cycle=seen.update_cycle,
        )
