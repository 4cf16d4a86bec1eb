"""Step 10, the consumer's half: no account is lost, and none of it costs the consumer its data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from exchange import errors
from exchange.client.postbox import Postbox
from exchange.client.spool import Spool
from exchange.model.receipt import Outcome, Receipt

from .conftest import World

RECEIPT = Receipt(statement="{}", signature="00", certificate="00")
OTHER = Receipt(statement='{"a":1}', signature="00", certificate="00")


class Broker:
    """Answers as planned: an error, or one answer for each receipt."""

    def __init__(self, *plan: errors.ExchangeError | list[str]) -> None:
        self.plan = list(plan)
        self.calls: list[list[Receipt]] = []

    def submit(self, receipts: Sequence[Receipt]) -> Sequence[str]:
        self.calls.append(list(receipts))
        answer = self.plan.pop(0)
        if isinstance(answer, errors.ExchangeError):
            raise answer
        return answer


def test_a_receipt_is_tried_again_once_where_that_can_help() -> None:
    broker = Broker(errors.Unavailable("later"), [""])

    assert Postbox(broker.submit, None).deliver("a" * 32, RECEIPT)
    assert broker.calls == [[RECEIPT], [RECEIPT]]


def test_it_is_not_tried_again_where_that_cannot_help() -> None:
    broker = Broker(errors.IdentityError("who are you"))

    assert not Postbox(broker.submit, None).deliver("a" * 32, RECEIPT)
    assert len(broker.calls) == 1


def test_what_cannot_be_delivered_waits_on_disk_and_goes_with_the_next_client(tmp_path: Path) -> None:
    down = errors.Unavailable("later")
    Postbox(Broker(down, down).submit, Spool(tmp_path / "r")).deliver("a" * 32, RECEIPT)
    Postbox(Broker(down, down).submit, Spool(tmp_path / "r")).deliver("b" * 32, OTHER)

    broker = Broker(["", "statement-known"])
    Postbox(broker.submit, Spool(tmp_path / "r")).flush()

    assert broker.calls == [[RECEIPT, OTHER]]
    assert Spool(tmp_path / "r").waiting() == {}


def test_what_waits_stays_until_the_broker_took_it(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.put("a" * 32, RECEIPT)
    down = errors.Unavailable("later")

    Postbox(Broker(down, down).submit, spool).flush()

    assert list(spool.waiting().values()) == [RECEIPT]


def test_without_a_folder_the_log_names_what_was_not_delivered(caplog: pytest.LogCaptureFixture) -> None:
    Postbox(Broker(errors.IdentityError("who are you")).submit, None).deliver("a" * 32, RECEIPT)

    assert "a" * 32 in caplog.text


def test_nothing_is_sent_where_nothing_waits(tmp_path: Path) -> None:
    broker = Broker()
    Postbox(broker.submit, Spool(tmp_path / "never made")).flush()

    assert broker.calls == []


def test_a_damaged_file_is_named_and_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "x.json").write_text("{")
    broker = Broker()

    Postbox(broker.submit, Spool(tmp_path)).flush()

    assert "x.json" in caplog.text
    assert (tmp_path / "x.json").exists()


def test_receipts_on_disk_are_private(tmp_path: Path) -> None:
    Spool(tmp_path / "r").put("a" * 32, RECEIPT)

    assert (tmp_path / "r" / f"{'a' * 32}.json").stat().st_mode & 0o777 == 0o600


def test_the_spool_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exchange.client.spool.RECEIPTS_MAX", 1)
    spool = Spool(tmp_path)
    spool.put("a" * 32, RECEIPT)

    with pytest.raises(errors.ConfigError):
        spool.put("b" * 32, RECEIPT)


def test_a_broker_that_cannot_record_costs_no_data(world: World, tmp_path: Path) -> None:
    world.receipt_errors = [errors.AuditUnavailable("the disk is full")] * 2
    with world.client(state=tmp_path) as city:
        flights = city.read("port.flights", purpose="emergency-response")
        assert flights.to_arrow().num_rows == 5
        assert not flights.delivered
        assert flights.receipt is not None
    assert world.received == []

    with world.client(state=tmp_path):
        pass

    assert [received.outcome for received in world.received] == [Outcome.COMPLETE]
    assert [received.ticket for received in world.received] == world.grants
