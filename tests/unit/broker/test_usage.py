"""The way back, over the wire: a department asks the broker who used its own data."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
import small_city
from broker_house import TIMEOUT_S, House, end, open_house
from certified import City

from exchange.broker import usage_process
from exchange.errors import AccessRefused, LimitReached, RequestInvalid, Unavailable
from exchange.model.subject import CITY, Kind
from exchange.model.usage import Dimension, Usage, UsageQuestion
from exchange.wire.usage import get_usage

CALL = "exchange.v1.UsageService/GetUsage"


@pytest.fixture(scope="module")
def read_house(certified_city: City, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A broker under which dispatch has read port.flights once, 10 rows, and the press was refused."""
    with open_house(certified_city, tmp_path_factory.mktemp("house")) as house:
        port = house.actor("port", Kind.CONNECTOR)
        grant = house.ask()
        assert house.submit(port, end(grant, "spiffe://port.zhongshui.example/connector")) == ("",)
        with pytest.raises(AccessRefused):
            house.ask(house.channel(house.actor("press", Kind.SYSTEM, "desk")))
        yield house


def ask(house: House, department: str = "port", kind: Kind = Kind.STEWARD, **question: object) -> Usage:
    line = house.channel(house.actor(department, kind))
    return get_usage(line, UsageQuestion(**question), timeout_s=TIMEOUT_S)


@pytest.mark.parametrize("kind", [Kind.SYSTEM, Kind.STEWARD, Kind.CONNECTOR])
def test_a_department_learns_who_used_its_data_how_much_and_for_what(read_house: House, kind: Kind) -> None:
    found = ask(read_house, kind=kind, by=(Dimension.CONSUMER, Dimension.DATASET, Dimension.PURPOSE))
    served = next(line for line in found.lines if line.consumer == small_city.DISPATCH)
    assert (served.dataset, served.purpose) == ("port.flights", "emergency-response")
    assert (served.granted, served.complete, served.rows, served.bytes) == (1, 1, 10, 1)
    refused = next(line for line in found.lines if "press" in line.consumer)
    assert (refused.granted, refused.refused, refused.rows) == (0, 1, 0)
    assert found.records > 0


def test_a_question_is_bounded_by_time_and_told_apart_as_asked(read_house: House) -> None:
    (line,) = ask(read_house, by=(Dimension.DAY,)).lines
    assert (line.granted, line.refused, line.dataset, line.consumer) == (1, 1, "", "")
    assert ask(read_house, until_us=line.first_us).lines == ()
    assert ask(read_house, since_us=line.last_us + 1).lines == ()


def test_the_answer_is_on_record(read_house: House) -> None:
    before = len(read_house.records("administration", call=CALL, outcome="done", target="port.flights"))
    ask(read_house, dataset="port.flights")
    found = read_house.records("administration", call=CALL, outcome="done", target="port.flights")
    assert len(found) == before + 1
    assert found[-1]["department"] == "port"


def test_a_department_that_shares_nothing_sees_nothing(read_house: House) -> None:
    assert ask(read_house, "emergency", Kind.SYSTEM).lines == ()


@pytest.mark.parametrize("dataset", ["port.flights", "port.nothing", "por", "emergencyx.y", "x' OR 1=1 --"])
def test_what_is_not_ones_own_is_refused_alike_and_recorded(read_house: House, dataset: str) -> None:
    with pytest.raises(AccessRefused) as caught:
        ask(read_house, "emergency", Kind.SYSTEM, dataset=dataset)
    assert caught.value.stable_reason == "not-granted"
    assert caught.value.public == "usage is told to the department that owns the dataset"
    (record,) = read_house.records("administration", id=caught.value.id)
    assert (record["outcome"], record["reason"], record["call"]) == ("refused", "not-granted", CALL)
    assert record["target"] in {dataset, *(t for t in [record["target"]] if t.startswith("malformed:"))}


def test_an_auditor_reads_the_log_and_does_not_ask_for_usage(read_house: House) -> None:
    with pytest.raises(AccessRefused) as caught:
        ask(read_house, CITY, Kind.AUDITOR)
    assert caught.value.stable_reason == "call-refused"


def test_a_question_that_is_none_is_refused_and_recorded(read_house: House) -> None:
    call = read_house.channel(read_house.actor("port", Kind.STEWARD)).unary_unary(f"/{CALL}")
    with pytest.raises(grpc.RpcError) as caught:
        call(b"\xff\xff", timeout=TIMEOUT_S)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert read_house.records("administration", call=CALL, outcome="refused", reason=RequestInvalid.reason)


def test_a_worker_that_was_killed_is_replaced_and_accesses_never_notice(read_house: House) -> None:
    ask(read_house)
    process = read_house.running._parts.usage_process
    first = process.process()
    os.kill(first, signal.SIGKILL)
    os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)
    assert read_house.ask().id
    assert ask(read_house).lines
    assert process.process() not in {0, first}


def test_a_worker_that_hangs_costs_one_question(read_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(read_house)
    process = read_house.running._parts.usage_process
    stopped = process.process()
    os.kill(stopped, signal.SIGSTOP)
    monkeypatch.setattr(usage_process, "LIMIT_S", 0.3)
    with pytest.raises(Unavailable) as caught:
        ask(read_house)
    assert caught.value.public == "usage cannot be answered now"
    monkeypatch.undo()
    assert ask(read_house).lines
    assert not Path(f"/proc/{stopped}").exists()


def test_a_department_waits_for_its_own_question_and_not_for_anothers(tmp_path: Path) -> None:
    process = usage_process.UsageProcess(tmp_path, tmp_path / "index")
    with process._once("port"):
        with pytest.raises(LimitReached):
            process.ask("port", UsageQuestion())
        with process._once("weather"):
            pass
    process.close()
    with pytest.raises(Unavailable, match="stopping"):
        process.ask("port", UsageQuestion())


def test_the_worker_ends_with_its_broker(certified_city: City, tmp_path: Path) -> None:
    with open_house(certified_city, tmp_path) as house:
        ask(house)
        pid = house.running._parts.usage_process.process()
    assert pid
    deadline = time.monotonic() + TIMEOUT_S
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not Path(f"/proc/{pid}").exists()
