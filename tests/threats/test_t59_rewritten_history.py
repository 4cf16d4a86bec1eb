"""T59: whoever holds the log's own key rewrites history, or tells two histories; its witnesses find out."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from broker_house import TIMEOUT_S, House, fresh_house
from grpc_health.v1 import health_pb2, health_pb2_grpc
from witness_house import ORIGIN, OneWitness, back_up, log_key, put_back, rewrite

from exchange.audit.proofs.checkpoint import open_checkpoint
from exchange.audit.proofs.note import verifier_key
from exchange.audit.verify import verify
from exchange.broker.server import Broker
from exchange.errors import AuditUnavailable, LogCorrupt, RequestInvalid
from exchange.security import keyfiles
from exchange.wire import witnessing
from exchange.wire.witnessing import Shown


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with fresh_house(tmp_path) as found:
        yield found


@pytest.fixture
def witness(house: House, tmp_path: Path) -> OneWitness:
    return OneWitness(house, "port", tmp_path / "witness")


def believes_anything(house: House) -> None:
    """The broker itself is the forger's: it says nothing to what witnesses show, and proves what it can."""
    watch: Any = house.running._parts.witnesses
    key = verifier_key(ORIGIN, log_key(house.folder))
    watch._witnessed.show = lambda _who, note: open_checkpoint(note, key) if note else None
    watch._proof = lambda seen, offered: (
        tuple(watch._tree.consistency(seen.size, offered.size)) if seen and seen.size < offered.size else ()
    )


def test_a_log_that_was_rewritten_and_signed_anew_is_halted_by_the_first_witness(
    house: House, witness: OneWitness, caplog: pytest.LogCaptureFixture
) -> None:
    witness.see_all()
    seen = witness.memory.seen
    house.stop()
    rewrite(house)
    house.start()

    with caplog.at_level(logging.CRITICAL, "exchange.broker.witnesses"):
        witness.step()

    assert witness.memory.seen == seen
    assert "witness" in witness.alarms.standing
    with pytest.raises(AuditUnavailable):
        house.ask()
    answer = health_pb2_grpc.HealthStub(house.dispatch()).Check(
        health_pb2.HealthCheckRequest(), timeout=TIMEOUT_S
    )
    assert answer.status == health_pb2.HealthCheckResponse.NOT_SERVING
    (told,) = [record.getMessage() for record in caplog.records if record.levelno == logging.CRITICAL]
    for part in ("restored or forked", "What to do", "evidence", "auditors", str(house.settings.audit)):
        assert part in told


def test_a_halted_log_signs_nothing_more_and_does_not_start_again(house: House, witness: OneWitness) -> None:
    witness.see_all()
    house.stop()
    rewrite(house)
    house.start()
    witness.step()
    signed = (house.settings.audit / "checkpoint").read_bytes()

    house.stop()

    assert (house.settings.audit / "checkpoint").read_bytes() == signed
    with pytest.raises(LogCorrupt, match="What to do") as caught:
        Broker(house.settings)
    assert caught.value.stable_reason == "history-rewritten"


def test_the_verifier_shows_the_fork_from_what_a_witness_has_seen(house: House, witness: OneWitness) -> None:
    witness.see_all()
    house.stop()
    rewrite(house)
    key = verifier_key(ORIGIN, log_key(house.folder))
    assert witness.memory.seen is not None

    assert verify(house.settings.audit, key).whole
    assert not verify(house.settings.audit, key, since=witness.memory.seen.note).whole


def test_two_histories_told_to_two_witnesses_come_out_when_one_is_shown_the_other(
    house: House, witness: OneWitness, tmp_path: Path
) -> None:
    other = OneWitness(house, "weather", tmp_path / "other", log_key=witness.log_key)
    copy = back_up_stopped(house)
    house.start()
    house.ask()
    witness.see_all()
    house.stop()
    put_back(house, copy)
    house.start()
    house.ask()
    house.ask()
    other.step()
    believes_anything(house)

    witness.step()

    assert witness.memory.evidence is not None
    first, second = sorted(witness.memory.evidence.iterdir())
    key = verifier_key(ORIGIN, log_key(house.folder))
    assert open_checkpoint(first.read_bytes(), key).root != open_checkpoint(second.read_bytes(), key).root
    assert "witness" in witness.alarms.standing
    assert not other.alarms.standing


def test_what_a_witness_refuses_is_told_to_the_brokers_operator_and_stands_until_it_is_looked_at(
    house: House, witness: OneWitness, caplog: pytest.LogCaptureFixture
) -> None:
    witness.see_all()
    house.stop()
    rewrite(house)
    house.start()
    believes_anything(house)

    with caplog.at_level(logging.CRITICAL, "exchange.broker.witnesses"):
        for _ in range(3):
            witness.step()

    (told,) = [record.getMessage() for record in caplog.records if record.levelno == logging.CRITICAL]
    assert "refuses to cosign" in told
    assert "/connector" in told
    assert house.running._parts.witnesses.alarm
    witness.reborn()
    witness.step()
    assert "witness" in witness.alarms.standing


def test_an_alarm_over_evidence_outlives_a_broker_that_tells_the_truth_again(
    house: House, witness: OneWitness
) -> None:
    witness.see_all()
    genuine = back_up_stopped(house)
    rewrite(house)
    house.start()
    believes_anything(house)
    witness.step()
    house.stop()
    put_back(house, genuine)
    house.start()

    witness.step()

    assert "witness" in witness.alarms.standing
    assert witness.memory.evidence is not None
    witness.memory.evidence.rename(witness.folder / "given-to-the-auditors")
    witness.step()
    assert not witness.alarms.standing


def test_a_log_under_another_key_is_not_this_log(house: House, witness: OneWitness) -> None:
    witness.see_all()
    seen = witness.memory.seen
    house.stop()
    (house.settings.state / "keys" / "audit.key").unlink()
    keyfiles.create_key(house.settings.state / "keys" / "audit.key")
    house = House(house.city, house.folder, house.settings.model_copy(update={"audit": house.folder / "new"}))
    house.start()
    witness.house = house

    with pytest.raises(RequestInvalid, match="no checkpoint of this log"):
        witness.step()

    assert witness.memory.seen == seen
    assert "witness" in witness.alarms.standing
    house.stop()


def test_a_witness_that_shows_what_the_log_never_signed_does_not_stop_it(
    house: House, witness: OneWitness
) -> None:
    witness.see_all()
    assert witness.memory.seen is not None
    forged = witness.memory.seen.note.replace(b"\n", b"9\n", 2)
    for note in (forged, b"nonsense", "见证\n\n— x AAAA\n".encode()):
        with pytest.raises(RequestInvalid):
            witnessing.ask_to_witness(house.connector(), Shown(seen=note), timeout_s=TIMEOUT_S)
    assert house.ask().ticket


def back_up_stopped(house: House) -> Path:
    """A copy of the log of the stopped house."""
    house.stop()
    return back_up(house)
