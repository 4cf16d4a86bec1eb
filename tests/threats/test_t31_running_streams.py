"""T31, continued: what was granted before a revocation ends within seconds, running or not yet redeemed."""

from __future__ import annotations

import time
from collections.abc import Generator
from pathlib import Path

import connector_house
import pyarrow as pa
import pytest
from small_city import DISPATCH
from whole_house import READ, WholeHouse, open_house, wait_until

from exchange.errors import AccessRefused, Unavailable

NOBODY = "# nobody\n"
GRANT = "p, role:first-responder, port.flights, read, emergency-response, allow\n"
WITHIN_S = 5.0


def begun(house: WholeHouse) -> Generator[pa.RecordBatch, None, None]:
    """A read of which one batch has arrived."""
    batches = iter(house.client.read(**READ))
    next(batches)
    assert isinstance(batches, Generator)
    return batches


def test_t31_a_running_stream_ends_once_its_grant_is_revoked(tmp_path: Path) -> None:
    with open_house(tmp_path) as house:
        reading = house.client.read(**READ)
        batches = iter(reading)
        next(batches)
        revision = house.publish(grants=NOBODY)
        acknowledged_s = time.monotonic()
        with pytest.raises(AccessRefused) as caught:
            for _ in batches:
                assert time.monotonic() - acknowledged_s < WITHIN_S, "it still runs"
        assert caught.value.stable_reason == "revoked"
        (end,) = wait_until(house.ends)
        assert (end["outcome"], end["reason"], end["id"]) == ("aborted", "revoked", reading.id)
        assert end["rows"] > 0
        (record,) = house.broker.records("revocation")
        assert (record["id"], record["subject"]) == (reading.id, DISPATCH)
        assert (record["previous"], record["revision"], record["reason"]) == (1, revision, "no-grant")


@pytest.mark.parametrize(
    "narrower",
    [
        '[[obligation]]\nid = "r"\ndatasets = ["port.flights"]\nrows = "dep_delay > 60"\n',
        '[[obligation]]\nid = "r"\ndatasets = ["port.flights"]\nmask = { origin = { kind = "redact" } }\n',
        '[[obligation]]\nid = "r"\ndatasets = ["port.flights"]\ncolumns = { withhold = ["origin"] }\n',
        '[[obligation]]\nid = "r"\ndatasets = ["port.flights"]\nrow_limit = 100\n',
    ],
    ids=["row filter", "mask", "column", "row limit"],
)
def test_t31_a_stream_ends_where_less_would_be_allowed_now(narrower: str, tmp_path: Path) -> None:
    with open_house(tmp_path) as house:
        batches = begun(house)
        house.publish(obligations=narrower)
        with pytest.raises(AccessRefused) as caught:
            list(batches)
        assert caught.value.stable_reason == "revoked"
        assert [one["reason"] for one in house.broker.records("revocation")] == ["narrowed"]


def test_t31_a_stream_that_is_still_allowed_runs_on_whatever_else_is_published(tmp_path: Path) -> None:
    with open_house(tmp_path) as house:
        batches = begun(house)
        revision = house.publish(grants=GRANT)
        guard = house.connector.connector._watchdog.guards[0]
        wait_until(lambda: guard.cleared == revision)
        next(batches)
        batches.close()
        assert house.broker.records("revocation") == []


def test_t31_a_consumer_that_takes_nothing_is_cut_off_all_the_same(tmp_path: Path) -> None:
    with open_house(tmp_path, connector_house.MemorySource(rows=20_000_000, batch_rows=50_000)) as house:
        batches = begun(house)
        house.publish(grants=NOBODY)
        (end,) = wait_until(house.ends)
        assert (end["outcome"], end["reason"]) == ("aborted", "revoked")
        batches.close()


def test_t31_a_ticket_that_is_not_redeemed_yet_is_refused_at_admission(tmp_path: Path) -> None:
    with open_house(tmp_path) as house:
        token = house.broker.ask().ticket
        revision = house.publish(grants=NOBODY)
        wait_until(lambda: house.connector.connector._reviewer.known == revision)
        with house.connector.channel(house.broker.actor("emergency")) as line:
            answer = connector_house.read(line, token)
        assert (answer.rows, answer.reason) == (0, "revoked")
        (refusal,) = wait_until(lambda: house.broker.records("refusal"))
        assert refusal["reason"] == "revoked"
        assert not house.broker.records("start")


def test_t31_a_revocation_outlives_the_broker_s_restart(tmp_path: Path) -> None:
    with open_house(tmp_path) as house:
        batches = begun(house)
        port = house.broker.running.port
        # nobody asks between the publication and the end of the broker
        house.connector.connector._reviewer._link.close()
        house.publish(grants=NOBODY)
        house.broker.settings = house.broker.settings.model_copy(update={"listen": f"127.0.0.1:{port}"})
        house.broker.restart()
        with pytest.raises(AccessRefused) as caught:
            list(batches)
        assert caught.value.stable_reason == "revoked"


def test_t31_an_older_ticket_is_not_admitted_while_the_broker_cannot_be_asked(tmp_path: Path) -> None:
    with connector_house.open_house(tmp_path) as house:
        house.connector._reviewer._known = 2
        with house.channel(house.dispatch()) as line:
            old, new = (
                connector_house.read(line, house.token(revision=1)),
                connector_house.read(line, house.token(revision=2)),
            )
        assert isinstance(old.error, Unavailable)
        assert (old.rows, new.rows) == (0, connector_house.ROWS)


def test_t31_a_restarted_connector_remembers_that_policies_changed(tmp_path: Path) -> None:
    with connector_house.open_house(tmp_path) as house:
        house.connector._journal.keep_revision(7)
        settings = house.settings
    with connector_house.open_house(tmp_path, city=house.city) as again:
        assert again.settings.state == settings.state
        assert again.connector._reviewer.known == 7


def test_a_request_may_demand_the_revision_of_a_revocation(tmp_path: Path) -> None:
    with open_house(tmp_path) as house:
        revision = house.publish(grants=GRANT)
        assert house.broker.ask(at_least_revision=revision).revision == revision
        with pytest.raises(Unavailable) as caught:
            house.broker.ask(at_least_revision=revision + 1)
        assert caught.value.stable_reason == "revision-not-reached"
        assert house.broker.denial(caught.value.id)["reason"] == "revision-not-reached"
        with pytest.raises(Unavailable):
            list(house.client.read(**READ, at_least_revision=revision + 1))
