"""Deny always means one audit record, also where nobody foresaw why (T55): whatever a call runs into."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import pytest
from broker_house import LOCATION, fresh_house

from exchange.errors import ExchangeError, NotRegistered, Unavailable
from exchange.wire import asking, clients


def test_an_unforeseen_error_is_on_record_and_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fresh_house(tmp_path) as house:

        def burst(*_: Any) -> None:
            raise RuntimeError("/etc/secret is on fire")

        monkeypatch.setattr(house.running._parts.door._judge, "decide", burst)
        with pytest.raises(ExchangeError) as caught:
            house.ask()
        assert "secret" not in str(caught.value)
        (record,) = house.records("administration", outcome="refused")
        assert (record["reason"], record["call"]) == ("internal", "exchange.v1.AccessService/RequestAccess")


def test_a_refused_heartbeat_is_on_record(tmp_path: Path) -> None:
    with fresh_house(tmp_path) as house:
        with pytest.raises(NotRegistered):
            beat = clients.heartbeat(house.connector(), "127.0.0.1:1", timeout_s=20)
            if beat is None:
                raise NotRegistered("as the client says it")
        (record,) = house.records("administration", reason="not-registered")
        assert record["outcome"] == "refused"


def test_state_that_cannot_be_reached_refuses_on_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fresh_house(tmp_path) as house:

        def away(*_: Any) -> None:
            raise Unavailable("the broker's state cannot be reached at the moment")

        monkeypatch.setattr(house.running._parts.catalogue, "entries", away)
        with pytest.raises(Unavailable):
            asking.list_datasets(house.dispatch(), timeout_s=20)
        (record,) = house.records("administration", outcome="refused")
        assert record["reason"] == "unavailable"


def test_what_is_recorded_where_it_was_judged_is_not_recorded_twice(tmp_path: Path) -> None:
    with fresh_house(tmp_path) as house:
        with pytest.raises(ExchangeError) as caught:
            house.ask(dataset="port.unheard")
        house.denial(caught.value.id)
        assert house.records("administration", outcome="refused") == []


def test_an_unknown_method_reaches_nothing(tmp_path: Path) -> None:
    with fresh_house(tmp_path) as house, pytest.raises(grpc.RpcError) as caught:
        house.dispatch().unary_unary("/exchange.v1.AccessService/Everything")(b"", timeout=20)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert LOCATION not in str(caught.value.details())
