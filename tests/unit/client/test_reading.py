"""Steps 1, 9 and 10 as the consumer lives them, against an honest city."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import pyarrow as pa
import pytest

from exchange import errors
from exchange.client.city import City
from exchange.client.reading import Reading
from exchange.model.receipt import Outcome

from .conftest import World


def read(city: City, **options: object) -> Reading:
    return city.read("port.flights", purpose="emergency-response", **options)  # type: ignore[arg-type]


def test_to_arrow_holds_every_row(city: City, world: World) -> None:
    table = read(city, columns=["origin", "delay"]).to_arrow()

    assert table.to_pydict() == {"origin": [f"港{n}" for n in range(5)], "delay": list(range(5))}


def test_the_question_reaches_the_broker_as_it_was_asked(city: City, world: World) -> None:
    read(city, columns=["origin", "delay"], where="delay > 1", limit=5, trace_id="ab" * 16).to_arrow()

    (request,) = world.requests
    assert request.dataset == "port.flights"
    assert request.purpose == "emergency-response"
    assert request.columns == ("origin", "delay")
    assert request.where == "delay > 1"
    assert request.row_limit == 5
    assert request.trace_id == "ab" * 16


def test_pandas_and_polars_see_the_same_rows(city: City, world: World) -> None:
    flights = read(city)

    assert list(flights.to_pandas()["delay"]) == list(range(5))
    assert flights.to_polars()["delay"].to_list() == list(range(5))


def test_iterating_yields_the_batches_as_they_came(city: City, world: World) -> None:
    assert [batch.num_rows for batch in read(city)] == [3, 2]


def test_nothing_is_asked_before_the_answer_is_looked_at(city: City, world: World) -> None:
    read(city)

    assert world.requests == []


def test_each_look_is_a_fresh_read_with_its_own_ticket(city: City, world: World) -> None:
    flights = read(city)
    flights.to_arrow()
    first = flights.id
    list(flights)

    assert [first, flights.id] == world.grants
    assert first != flights.id


def test_a_complete_read_is_reported_and_receipted(city: City, world: World) -> None:
    flights = read(city)
    flights.to_arrow()

    report = flights.report
    assert (report.id, report.rows, report.batches, report.outcome) == (
        world.grants[0],
        5,
        2,
        Outcome.COMPLETE,
    )
    assert (report.revision, report.audit_index) == (7, 41)
    (received,) = world.received
    assert received.digest == report.digest
    assert received.consumer == "spiffe://emergency.zhongshui.example/system/dispatch"
    assert flights.delivered


def test_an_empty_answer_is_a_table_with_its_schema(city: City, world: World) -> None:
    world.stream = lambda w, c: iter([next(w.whole()), w.trailer()])

    table = read(city).to_arrow()

    assert table.num_rows == 0
    assert table.schema.names == ["origin", "delay"]


def test_the_schema_of_a_read_is_known_after_it(city: City, world: World) -> None:
    flights = read(city)
    flights.to_arrow()

    assert flights.schema == pa.schema([("origin", pa.string()), ("delay", pa.int64())])


def test_leaving_the_loop_cancels_the_call_and_reports_it_aborted(city: City, world: World) -> None:
    for batch in read(city):
        assert batch.num_rows == 3
        break

    (received,) = world.received
    assert (received.outcome, received.rows) == (Outcome.ABORTED, 3)
    assert world.cancelled


def test_an_error_in_the_loop_is_the_consumers_own_and_aborts_the_read(city: City, world: World) -> None:
    def consume() -> None:
        for _ in read(city):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        consume()

    assert [received.outcome for received in world.received] == [Outcome.ABORTED]


def test_a_refusal_carries_reason_and_id_and_asks_no_connector(city: City, world: World) -> None:
    world.access_error = errors.AccessRefused("this purpose was not granted", id="f" * 32)

    with pytest.raises(errors.AccessRefused) as refused:
        read(city).to_arrow()

    assert (refused.value.stable_reason, refused.value.id) == ("not-granted", "f" * 32)
    assert world.received == []


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"dataset": "flights"}, "not a dataset id"),
        ({"purpose": ""}, "purpose"),
        ({"columns": "origin"}, "a list of names"),
        ({"limit": 0}, "limit"),
        ({"trace_id": "x"}, "trace id"),
    ],
)
def test_arguments_that_cannot_mean_anything_are_refused_at_once(
    city: City, world: World, arguments: dict[str, Any], text: str
) -> None:
    given = {"dataset": "port.flights", "purpose": "emergency-response"} | arguments

    with pytest.raises(errors.RequestInvalid, match=text):
        city.read(given.pop("dataset"), **given)


def test_a_broker_that_grants_other_columns_is_not_believed(city: City, world: World) -> None:
    with pytest.raises(errors.StreamMismatch, match="other columns"):
        read(city, columns=["origin"]).to_arrow()


def test_a_broker_that_is_down_is_unavailable(city: City, world: World) -> None:
    world.servers[0].stop(0).wait()

    with pytest.raises(errors.Unavailable, match="asking the broker"):
        read(city).to_arrow()


def test_a_connector_that_is_down_is_named_as_that(city: City, world: World) -> None:
    world.servers[1].stop(0).wait()

    with pytest.raises(errors.ConnectorUnavailable):
        read(city).to_arrow()

    (received,) = world.received
    assert (received.outcome, received.reason, received.rows) == (Outcome.FAILED, "connector-unavailable", 0)


def test_a_retry_asks_for_a_new_ticket(city: City, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exchange.client.reading._PAUSE_S", 0.0)
    cut, whole = (lambda w, c: iter([next(w.whole())])), world.stream
    plan = iter([cut, whole])

    def stream(w: World, context: grpc.ServicerContext) -> Iterator[bytes]:
        return next(plan)(w, context)

    world.stream = stream

    table = read(city, retries=1).to_arrow()

    assert table.num_rows == 5
    assert len(set(world.grants)) == 2
    assert [received.outcome for received in world.received] == [Outcome.CUT, Outcome.COMPLETE]


def test_no_retry_without_leave(city: City, world: World) -> None:
    world.stream = lambda w, c: iter([next(w.whole())])

    with pytest.raises(errors.StreamBroken):
        read(city).to_arrow()

    assert len(world.grants) == 1


def test_what_a_retry_cannot_mend_is_not_retried(city: City, world: World) -> None:
    world.access_error = errors.AccessRefused("no", id="f" * 32)

    with pytest.raises(errors.AccessRefused):
        read(city, retries=5).to_arrow()

    assert len(world.requests) == 1


def test_an_iteration_never_retries(city: City, world: World) -> None:
    world.stream = lambda w, c: iter(list(w.whole())[:2])

    with pytest.raises(errors.StreamBroken):
        list(read(city, retries=5))

    assert len(world.grants) == 1
