"""Witnesses of the broker's log: one checkpoint in each round, the quorum's cosignatures beneath it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from broker_house import TIMEOUT_S, House, open_house
from certified import City
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from grpc_health.v1 import health_pb2, health_pb2_grpc
from whole_house import wait_until
from witness_house import ORIGIN, OneWitness, latest, policy_text, trust, witnessed_house

from exchange.audit.proofs.cosignature import cosign
from exchange.audit.proofs.note import split_note
from exchange.broker.server import WITNESSES, Broker
from exchange.broker.settings import WitnessSettings
from exchange.errors import ConfigError, RequestInvalid
from exchange.model.subject import CITY, Kind, witness_name
from exchange.wire import auditing, witnessing
from exchange.wire.witnessing import Shown

Watched = tuple[House, list[OneWitness]]
ALL = ("port", "weather", "press")


@pytest.fixture
def watched(certified_city: City, tmp_path: Path) -> Iterator[Watched]:
    """A broker whose log needs two of three witnesses; all three have been heard."""
    with witnessed_house(certified_city, tmp_path, ALL, 2, alarm_s=60.0) as (house, witnesses):
        yield house, witnesses


def health(house: House) -> Any:
    stub = health_pb2_grpc.HealthStub(house.dispatch())
    return stub.Check(health_pb2.HealthCheckRequest(service=WITNESSES), timeout=TIMEOUT_S).status


def cosigned(house: House) -> bytes:
    """What an auditor is shown."""
    return auditing.get_checkpoints(
        house.channel(house.actor(CITY, Kind.AUDITOR, "qian")), timeout_s=TIMEOUT_S
    )[1]


def until(condition: Callable[[], bool], witnesses: list[OneWitness]) -> None:
    """Let the witnesses go on until it is so."""
    for _ in range(100):
        for witness in witnesses:
            witness.step()
        if condition():
            return
        threading.Event().wait(0.05)
    raise AssertionError("it did not come about")


def test_a_quorums_cosignatures_meet_under_one_checkpoint(watched: Watched) -> None:
    house, witnesses = watched
    until(lambda: cosigned(house) != b"", witnesses[:2])
    checked = trust(house).check(cosigned(house))
    assert {found.name for found in checked.cosigned_by} == {"port", "weather"}
    assert (house.settings.audit / "cosigned").read_bytes() == cosigned(house)


def test_one_witness_of_two_that_are_needed_is_no_quorum(watched: Watched) -> None:
    house, witnesses = watched
    for _ in range(5):
        witnesses[0].step()
    assert not (house.settings.audit / "cosigned").exists()
    assert health(house) == health_pb2.HealthCheckResponse.NOT_SERVING


def test_the_cosigned_checkpoint_follows_the_log_and_outlives_a_restart(watched: Watched) -> None:
    house, witnesses = watched
    until(lambda: cosigned(house) != b"", witnesses)
    wanted = house.ask().audit_index
    until(
        lambda: cosigned(house) != b"" and trust(house).check(cosigned(house)).checkpoint.size > wanted,
        witnesses,
    )
    before = (house.settings.audit / "cosigned").read_bytes()
    house.restart()
    assert cosigned(house) == before


def test_all_witnesses_of_a_round_are_offered_the_same_checkpoint(watched: Watched) -> None:
    house, witnesses = watched
    rounds: Any = house.running._parts.witnesses._rounds
    until(lambda: cosigned(house) != b"", witnesses)
    house.ask()
    until(lambda: not rounds._met, witnesses[:1])

    first = rounds.offer()
    index = house.ask().audit_index
    wait_until(lambda: latest(house).size > index)

    assert rounds.offer() == first
    house.clock.steady_offset_s += 11
    assert rounds.offer() != first


def test_a_connector_that_is_no_witness_compares_but_is_not_asked_to_cosign(
    watched: Watched, tmp_path: Path
) -> None:
    house, _ = watched
    other = OneWitness(house, "research", tmp_path / "other")
    other.step()
    assert other.memory.seen is not None
    assert house.running._parts.witnesses._witnessed.waiting
    with pytest.raises(RequestInvalid) as caught:
        witnessing.add_cosignature(house.connector("research"), 0, b"", timeout_s=TIMEOUT_S)
    assert caught.value.stable_reason == "witness-unknown"


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(lambda text, own, _: cosign(text, own.name, Ed25519PrivateKey.generate(), 1), id="key"),
        pytest.param(lambda text, _, other: other.cosign(text, 1), id="another-witness"),
        pytest.param(lambda text, own, _: own.cosign(text + b"more\n", 1), id="another-text"),
        pytest.param(lambda text, own, _: own.cosign(text, 1) * 2, id="twice"),
        pytest.param(lambda _text, _own, _other: "— 见证 空\n".encode(), id="nonsense"),
        pytest.param(lambda _text, _own, _other: b"", id="nothing"),
    ],
)
def test_only_a_witness_of_the_policy_cosigns_and_only_with_its_own_key(
    watched: Watched, line: Callable[..., bytes]
) -> None:
    house, witnesses = watched
    offered = witnessing.ask_to_witness(house.connector(), Shown(), timeout_s=TIMEOUT_S)
    text = split_note(offered.checkpoint)[0]
    with pytest.raises(RequestInvalid) as caught:
        witnessing.add_cosignature(
            house.connector(),
            int(text.split(b"\n")[1]),
            line(text, witnesses[0].signing, witnesses[1].signing),
            timeout_s=TIMEOUT_S,
        )
    assert caught.value.stable_reason == "cosignature-invalid"


def test_a_cosignature_that_comes_late_is_no_fault(watched: Watched) -> None:
    house, _ = watched
    witnessing.add_cosignature(house.connector(), 12_345, b"late", timeout_s=TIMEOUT_S)
    assert not (house.settings.audit / "cosigned").exists()


@pytest.mark.parametrize("kind", [Kind.SYSTEM, Kind.STEWARD, Kind.AUDITOR])
def test_nobody_but_a_connector_is_a_witness(watched: Watched, kind: Kind) -> None:
    house, _ = watched
    who = house.actor(CITY if kind is Kind.AUDITOR else "port", kind)
    with pytest.raises(Exception, match="not open to you"):
        witnessing.ask_to_witness(house.channel(who), Shown(), timeout_s=TIMEOUT_S)


def test_a_quorum_that_is_missing_for_too_long_is_an_alarm_but_stops_nothing(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    house, witnesses = watched
    until(lambda: latest(house).size > 0 and cosigned(house) != b"", witnesses)
    desk = house.running._parts.witnesses
    assert health(house) == health_pb2.HealthCheckResponse.SERVING
    house.ask()
    until(lambda: not desk._rounds._met, witnesses[:1])

    house.clock.steady_offset_s += 61
    with caplog.at_level(logging.ERROR, "exchange.broker.witnesses"):
        desk.look()
        desk.look()

    assert health(house) == health_pb2.HealthCheckResponse.NOT_SERVING
    assert len([text for text in caplog.messages if "no quorum" in text]) == 1
    house.register()
    assert house.ask().ticket
    until(lambda: desk._rounds._met, witnesses)
    desk.look()
    assert health(house) == health_pb2.HealthCheckResponse.SERVING


def test_without_a_policy_nobody_is_asked_and_nothing_waits(certified_city: City, tmp_path: Path) -> None:
    with open_house(certified_city, tmp_path) as house:
        witness = OneWitness(house, "port", tmp_path / "witness")
        assert house.ask().ticket
        witness.see_all()
        assert not cosigned(house)
        assert health(house) == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize("mistake", ["another-log", "another-key", "no-file", "nonsense"])
def test_a_policy_of_another_log_does_not_start(certified_city: City, tmp_path: Path, mistake: str) -> None:
    text = policy_text(tmp_path, {"port": Ed25519PrivateKey.generate()}, 1)
    if mistake == "another-log":
        text = text.replace(ORIGIN, "elsewhere.example/audit")
    elif mistake == "another-key":
        text = policy_text(tmp_path / "other", {"port": Ed25519PrivateKey.generate()}, 1)
    elif mistake == "nonsense":
        text = "witness 港"
    path = tmp_path / "trust.txt"
    if mistake != "no-file":
        path.write_text(text, encoding="utf-8")
    with open_house(certified_city, tmp_path) as house:
        house.stop()
        settings = house.settings.model_copy(update={"witnesses": WitnessSettings(policy=path)})
        with pytest.raises(ConfigError):
            Broker(settings)


def test_a_witness_is_named_after_its_department() -> None:
    assert witness_name("zhongshui.example", "port") == "zhongshui.example/witness/port"
