"""F26: policies are published in a loop under load; each decision stands on one revision, and all go on."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import small_city
from broker_house import House, fresh_house, port_files

from exchange.errors import AccessRefused
from exchange.model.subject import Kind

ROUNDS = 12
ASKING = 3
NOBODY = "# nobody\n"
OPEN = small_city.FILES[small_city.GRANTS]


def test_f26_every_decision_belongs_to_one_revision_and_asking_never_stops(tmp_path: Path) -> None:
    with fresh_house(tmp_path) as house, ThreadPoolExecutor(ASKING) as pool:
        house.dispatch()
        steward = house.actor("port", Kind.STEWARD, "chen")
        house.channel(steward)
        over = threading.Event()
        asking = [pool.submit(ask_until, house, over) for _ in range(ASKING)]
        decided = []
        try:
            for round_ in range(ROUNDS):
                # even revisions grant nobody anything, odd ones do
                house.publish(steward, port_files(grants=OPEN if round_ % 2 else NOBODY))
                decided.append(len(house.records("decision")))
        finally:
            over.set()
        granted = [revision for one in asking for revision in one.result(30)]
        decisions = house.records("decision")
    assert decided[-1] - decided[0] >= ROUNDS, "publications do not keep the others waiting"
    assert granted
    assert all(revision % 2 for revision in granted)
    for one in decisions:
        allowed = one["revision"] % 2 == 1
        assert (one["decision"], one["reason"]) == (("allow", "granted") if allowed else ("deny", "no-grant"))


def ask_until(house: House, over: threading.Event) -> list[int]:
    """Ask again and again; the revisions of what was granted."""
    granted = []
    while not over.is_set():
        try:
            grant = house.ask()
        except AccessRefused:
            continue
        assert house.ticket(grant).revision == grant.revision
        granted.append(grant.revision)
    return granted
