"""T50, T55, T56: what an answer may not betray: counts, causes, and whether something exists."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest
import small_city
from broker_house import TIMEOUT_S, House, fresh_house, question
from certified import DOMAIN
from pyarrow import flight

from exchange.model.subject import CITY, Kind
from exchange.security.tls import flight_options
from exchange.wire.access import command_to_bytes

ASK = "/exchange.v1.AccessService/RequestAccess"


def answer(house: House, **asked: str) -> tuple[grpc.StatusCode, str, tuple[str, ...], str]:
    """Code, text without its id, metadata keys, and the metadata's reason of a refused request."""
    call = house.channel(house.actor("press", name="desk")).unary_unary(ASK)
    with pytest.raises(grpc.RpcError) as caught:
        call(command_to_bytes(question(**asked)), timeout=TIMEOUT_S)
    error = caught.value
    metadata = dict(error.trailing_metadata())
    access_id = metadata["exchange-id"]
    assert house.denial(access_id)["public_reason"] == "not-granted"
    text = error.details().replace(access_id, "<id>")
    return error.code(), text, tuple(sorted(metadata)), metadata["exchange-reason"]


def test_t56_hidden_and_missing_datasets_and_purposes_answer_alike(tmp_path: Path) -> None:
    with fresh_house(tmp_path) as house:
        hidden = answer(house)
        missing = answer(house, dataset="port.nothing")
        nowhere = answer(house, dataset="nowhere.nothing")
        ungranted = answer(house, purpose="transport-research")
        undeclared = answer(house, purpose="no-such-purpose")
        assert hidden == missing == nowhere == ungranted == undeclared
        assert hidden[0] is grpc.StatusCode.PERMISSION_DENIED
        assert hidden[2] == ("exchange-id", "exchange-reason")
        reasons = [record["reason"] for record in house.records("decision")]
        assert reasons == ["no-grant", "dataset-unknown", "dataset-unknown", "no-grant", "purpose-undeclared"]
        assert house.tickets_issued() == 0


def test_t56_hidden_dataset_stays_hidden_while_its_connector_is_silent(tmp_path: Path) -> None:
    with fresh_house(tmp_path) as house:
        before = answer(house)
        house.clock.steady_offset_s += 60
        assert answer(house) == before


def test_t56_columns_and_predicates_on_a_hidden_dataset_are_not_judged(tmp_path: Path) -> None:
    with fresh_house(tmp_path) as house:
        assert answer(house) == answer(house, where="nonsense >") == answer(house, where="crew = 'x'")


def test_t50_flight_info_counts_nothing(tmp_path: Path) -> None:
    with fresh_house(tmp_path) as house:
        options = flight_options(house.actor("emergency"), CITY, Kind.BROKER, DOMAIN)
        url = f"grpc+tls://127.0.0.1:{house.running.port}"
        with flight.FlightClient(url, **options) as client:
            read = flight.FlightDescriptor.for_path("port.flights", "emergency-response")
            infos = [client.get_flight_info(read), *client.list_flights()]
        assert {(info.total_records, info.total_bytes) for info in infos} == {(-1, -1)}


def test_t55_unforeseen_error_tells_an_id_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with fresh_house(tmp_path) as house:

        def broken(*_: object) -> None:
            raise RuntimeError("SELECT secret FROM /etc/passwd")

        house.running._parts.door._judge.decide = broken  # type: ignore[method-assign, assignment]
        call = house.dispatch().unary_unary(ASK)
        with pytest.raises(grpc.RpcError) as caught:
            call(command_to_bytes(question()), timeout=TIMEOUT_S)
        assert "passwd" not in caught.value.details() + str(caught.value.trailing_metadata())
        incident = dict(caught.value.trailing_metadata())["exchange-id"]
        assert incident in caplog.text
        assert house.tickets_issued() == 0
        assert small_city.DISPATCH not in caught.value.details()
