"""T31 to T33, T39: revisions only rise, signed, of the steward's own; a revocation acknowledged is total."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from broker_house import House, fresh_house, port_files

from exchange.errors import AccessRefused, ExchangeError, RequestInvalid
from exchange.model.subject import Kind

NOBODY = "# nobody\n"


def test_t31_no_ticket_stands_on_an_older_revision_once_the_revocation_is_acknowledged(
    tmp_path: Path,
) -> None:
    with fresh_house(tmp_path) as house:
        steward = house.actor("port", Kind.STEWARD, "chen")
        assert house.ask().revision == 1
        number, _ = house.publish(steward, port_files(grants=NOBODY))
        with pytest.raises(AccessRefused) as caught:
            house.ask()
        assert house.denial(caught.value.id)["revision"] == number == 2


def test_t31_acknowledgement_waits_for_a_request_that_still_stands_on_the_older_one(tmp_path: Path) -> None:
    with fresh_house(tmp_path) as house, ThreadPoolExecutor(2) as pool:
        steward = house.actor("port", Kind.STEWARD, "chen")
        house.dispatch(), house.channel(steward)
        reached, go_on = hold_next_decision(house)
        asking = pool.submit(house.ask)
        assert reached.wait(10)
        publishing = pool.submit(house.publish, steward, port_files(grants=NOBODY))
        wait_until(lambda: house.running._parts.history.revision().revision == 2)
        assert not publishing.done()
        go_on.set()
        assert asking.result(10).revision == 1
        assert publishing.result(10)[0] == 2


def test_t32_older_publication_cannot_be_played_again(tmp_path: Path) -> None:
    with fresh_house(tmp_path) as house:
        steward = house.actor("port", Kind.STEWARD, "chen")
        house.publish(steward, port_files())
        house.publish(steward, port_files(grants=NOBODY))
        with pytest.raises(RequestInvalid) as caught:
            house.publish(steward, port_files(), seen=1)
        assert caught.value.stable_reason == "revision-moved"
        (record,) = house.records("publication", outcome="refused")
        assert record["revision"] == 3


def test_t33_publication_without_its_signature_is_refused(tmp_path: Path) -> None:
    with fresh_house(tmp_path) as house:
        steward = house.actor("port", Kind.STEWARD, "chen")
        with pytest.raises(ExchangeError) as caught:
            house.publish(steward, port_files(), signed_files={})
        assert caught.value.stable_reason == "receipt-mismatch"
        assert house.records("publication", outcome="refused")
        assert house.ask().revision == 1


def test_t39_steward_cannot_grant_himself(tmp_path: Path) -> None:
    with fresh_house(tmp_path) as house:
        steward = house.actor("port", Kind.STEWARD, "chen")
        grants = "p, spiffe://port.zhongshui.example/steward/chen, port.flights, read, stewardship, allow\n"
        with pytest.raises(ExchangeError) as caught:
            house.publish(steward, port_files(grants=grants))
        assert caught.value.stable_reason == "policy-invalid"
        (record,) = house.records("publication", outcome="refused")
        assert record["id"] == caught.value.id


def hold_next_decision(house: House) -> tuple[threading.Event, threading.Event]:
    """The next decision's record waits in the log's queue until the test lets it go on."""
    log: Any = house.running._parts.log
    reached, go_on = threading.Event(), threading.Event()
    append = log.append_many

    def held(records: Any) -> Any:
        if records[-1].kind == "decision":
            reached.set()
            assert go_on.wait(20)
        return append(records)

    log.append_many = held
    return reached, go_on


def wait_until(condition: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(1000):
        if condition():
            return
        pause.wait(0.01)
    pytest.fail("it never came to be")
