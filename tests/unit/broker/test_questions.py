"""What a steward may look up: his own part of an old policy and decisions on his own datasets, on record."""

from __future__ import annotations

import json

import grpc
import pytest
import small_city
from broker_house import TIMEOUT_S, House, port_files

from exchange.errors import AccessRefused, RequestInvalid
from exchange.model.subject import Kind
from exchange.policy.bundle import load
from exchange.policy.questions.past import replay
from exchange.wire import questions

ONLY_LATE = small_city.obligation('rows = "delay > 60"')


def line(house: House, department: str = "port", kind: Kind = Kind.STEWARD) -> grpc.Channel:
    return house.channel(house.actor(department, kind, "chen"))


def test_an_old_revision_holds_the_citys_files_and_the_stewards_own(house: House) -> None:
    house.publish(house.actor("port", Kind.STEWARD, "chen"), port_files(obligations=ONLY_LATE))
    files = questions.get_bundle(line(house), 1, timeout_s=TIMEOUT_S)
    assert files == small_city.files()
    assert load(files, 1).classified("port.flights") is not None
    (record,) = house.records("administration", call="exchange.v1.PolicyService/GetBundle")
    assert (record["target"], record["outcome"]) == ("1", "done")


def test_other_departments_files_are_not_shown(house: House) -> None:
    files = questions.get_bundle(line(house, "weather"), 1, timeout_s=TIMEOUT_S)
    assert files
    assert not [path for path in files if path.startswith("departments/")]


def test_there_is_no_such_revision(house: House) -> None:
    with pytest.raises(RequestInvalid, match="there is no revision 99"):
        questions.get_bundle(line(house), 99, timeout_s=TIMEOUT_S)


def test_a_past_decision_falls_again_under_the_policy_of_its_time(house: House) -> None:
    grant = house.ask()
    house.publish(house.actor("port", Kind.STEWARD, "chen"), port_files(obligations=ONLY_LATE))
    fields = json.loads(questions.get_decision(line(house), grant.id, timeout_s=TIMEOUT_S))
    files = questions.get_bundle(line(house), fields["revision"], timeout_s=TIMEOUT_S)
    found = replay(fields, files, load(files, fields["revision"]), {})
    assert found.agrees
    assert found.world.asked.state == fields["state"] == "normal"
    decision = found.world.outcome().decision
    assert decision.obligations is not None
    assert decision.obligations.row_filter is None
    (record,) = house.records("administration", call="exchange.v1.PolicyService/GetDecision")
    assert record["target"] == grant.id


def test_a_decision_on_anothers_dataset_answers_like_none(house: House) -> None:
    grant = house.ask()
    texts = []
    for access in (grant.id, "0" * 32):
        with pytest.raises(RequestInvalid) as caught:
            questions.get_decision(line(house, "weather"), access, timeout_s=TIMEOUT_S)
        texts.append(str(caught.value).replace(access, "ID"))
    assert texts[0] == texts[1]
    assert len(house.records("administration", call="exchange.v1.PolicyService/GetDecision")) == 2


@pytest.mark.parametrize("kind", [Kind.SYSTEM, Kind.CONNECTOR])
def test_nobody_but_stewards_looks(house: House, kind: Kind) -> None:
    other = line(house, kind=kind)
    with pytest.raises(AccessRefused):
        questions.get_bundle(other, 1, timeout_s=TIMEOUT_S)
    with pytest.raises(AccessRefused):
        questions.get_decision(other, "0" * 32, timeout_s=TIMEOUT_S)
