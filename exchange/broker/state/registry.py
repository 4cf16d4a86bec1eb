"""What is served where: registrations of connectors, durable, and whether each was heard of lately."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from exchange.broker.state.store import Store
from exchange.errors import RequestInvalid
from exchange.model.clock import Clock
from exchange.model.dataset import Dataset

MISSED_MAX = 3
DATASETS_MAX = 1000
_LOCATION = re.compile(r"(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):([0-9]{1,5})")


class Availability(StrEnum):
    """Whether a dataset can be read now, as far as the broker knows."""

    SERVING = "serving"
    SILENT = "silent"
    UNREGISTERED = "unregistered"


@dataclass(frozen=True, slots=True)
class Registration:
    """One department's connector: the address consumers dial, and its datasets by id."""

    department: str
    location: str
    datasets: tuple[Dataset, ...]


class Registry:
    """All registrations. Reading takes no lock and no disk; a change is durable before it is seen.

    After a restart of the broker every connector counts as heard of just now: readers need not wait for the
    next heartbeats, and an endpoint that is really gone only fails the stream.
    """

    def __init__(self, store: Store, clock: Clock, heartbeat_s: int) -> None:
        """Load what was registered before."""
        self._store = store
        self._clock = clock
        self._silent_s = MISSED_MAX * heartbeat_s
        self._changing = threading.Lock()
        self._connectors: dict[str, Registration] = store.read(_load)
        self._datasets: dict[str, Dataset] = _index(self._connectors)
        self._heard = dict.fromkeys(self._connectors, clock.monotonic_s())

    @property
    def schemas(self) -> dict[str, Dataset]:
        """Every registered dataset by id: one snapshot, replaced and never changed."""
        return self._datasets

    def get(self, dataset: str) -> Dataset | None:
        """The dataset as its connector declared it last, or None."""
        return self._datasets.get(dataset)

    def connector(self, department: str) -> Registration | None:
        """The department's connector, or None."""
        return self._connectors.get(department)

    def is_current(self, registration: Registration) -> bool:
        """Whether this is word for word what is registered."""
        return self._connectors.get(registration.department) == registration

    def register(self, registration: Registration) -> None:
        """Replace the department's registration, durably.

        Raises:
            RequestInvalid: it speaks of another department's datasets (T9), of one twice, or of no address.
            Unavailable: nothing was changed.
        """
        check(registration)
        with self._changing:
            if not self.is_current(registration):
                self._store.write(lambda connection: _save(connection, registration))
                connectors = {**self._connectors, registration.department: registration}
                # two references, swapped one after the other; in between, a dataset may still have its old
                # schema, whose tickets the connector refuses (T21)
                self._connectors = connectors
                self._datasets = _index(connectors)
            self._heard[registration.department] = self._clock.monotonic_s()

    def heartbeat(self, department: str, location: str) -> bool:
        """Note that the connector lives; False if it must register (again), as after a handover."""
        registration = self._connectors.get(department)
        if registration is None or registration.location != location:
            return False
        self._heard[department] = self._clock.monotonic_s()
        return True

    def availability(self, dataset: str) -> Availability:
        """Whether the dataset's connector is there and was heard of within three heartbeats."""
        found = self._datasets.get(dataset)
        if found is None:
            return Availability.UNREGISTERED
        silent_for = self._clock.monotonic_s() - self._heard.get(found.department, float("-inf"))
        return Availability.SILENT if silent_for > self._silent_s else Availability.SERVING


def check(registration: Registration) -> None:
    """Refuse what a connector may not say.

    Raises:
        RequestInvalid: another department's dataset (T9), a repeated or too many datasets, no address.
    """
    match = _LOCATION.fullmatch(registration.location)
    if match is None or not 0 < int(match[1]) < 65536:  # noqa: PLR2004 - ports have 16 bits
        raise RequestInvalid("the location is not an address", hint="write it as host:port")
    ids = [dataset.id for dataset in registration.datasets]
    if len(ids) > DATASETS_MAX or len(set(ids)) != len(ids):
        raise RequestInvalid(f"a connector registers each dataset once and at most {DATASETS_MAX} of them")
    if any(dataset.department != registration.department for dataset in registration.datasets):
        raise RequestInvalid(
            "a connector registers its own department's datasets only",
            hint=f"its datasets begin with {registration.department}.",
        )


def _index(connectors: dict[str, Registration]) -> dict[str, Dataset]:
    return {dataset.id: dataset for entry in connectors.values() for dataset in entry.datasets}


def _save(connection: sqlite3.Connection, registration: Registration) -> None:
    department = registration.department
    connection.execute("DELETE FROM dataset WHERE department = ?", (department,))
    connection.execute(
        "INSERT INTO connector (department, location) VALUES (?, ?)"
        " ON CONFLICT (department) DO UPDATE SET location = excluded.location",
        (department, registration.location),
    )
    connection.executemany(
        "INSERT INTO dataset (id, position, department, body) VALUES (?, ?, ?, ?)", _rows(registration)
    )


def _rows(registration: Registration) -> Sequence[tuple[str, int, str, str]]:
    return [
        (dataset.id, position, registration.department, dataset.model_dump_json())
        for position, dataset in enumerate(registration.datasets)
    ]


def _load(connection: sqlite3.Connection) -> dict[str, Registration]:
    connectors = connection.execute("SELECT department, location FROM connector").fetchall()
    bodies = connection.execute(
        "SELECT department, body FROM dataset ORDER BY department, position"
    ).fetchall()
    datasets: dict[str, list[Dataset]] = {department: [] for department, _ in connectors}
    for department, body in bodies:
        datasets[department].append(Dataset.model_validate_json(body))
    return {
        department: Registration(department, location, tuple(datasets[department]))
        for department, location in connectors
    }
