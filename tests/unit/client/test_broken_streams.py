"""What a consumer must never take for a whole answer (F15), and how each case is named and reported."""

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
from exchange.wire import flight
from exchange.wire.status import abort

from .conftest import BATCHES, World, batch, parts, schema_message


@pytest.fixture
def flights(city: City) -> Reading:
    return city.read("port.flights", purpose="emergency-response")


def expect(
    flights: Reading, world: World, kind: type[errors.ExchangeError], text: str, outcome: Outcome
) -> None:
    with pytest.raises(kind, match=text) as raised:
        flights.to_arrow()
    assert type(raised.value) is kind
    assert raised.value.id == world.grants[0]
    assert flights.report.outcome is outcome
    (received,) = world.received
    assert (received.outcome, received.reason) == (outcome, raised.value.stable_reason)


def test_a_stream_without_its_trailer(flights: Reading, world: World) -> None:
    world.stream = lambda w, c: iter(list(w.whole())[:-1])

    expect(flights, world, errors.StreamBroken, "without its trailer", Outcome.CUT)
    assert flights.report.rows == 5


def test_a_stream_without_anything(flights: Reading, world: World) -> None:
    world.stream = lambda w, c: iter(())

    expect(flights, world, errors.StreamBroken, "before it began", Outcome.CUT)


def test_a_connection_lost_in_the_middle(flights: Reading, world: World) -> None:
    def stream(w: World, context: grpc.ServicerContext) -> Iterator[bytes]:
        yield from list(w.whole())[:2]
        context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed at 10.1.2.3")

    world.stream = stream
    expect(flights, world, errors.StreamBroken, "was lost before the end", Outcome.CUT)


def test_an_iteration_raises_at_the_end_although_batches_came(flights: Reading, world: World) -> None:
    world.stream = lambda w, c: iter(list(w.whole())[:-1])
    came = []

    with pytest.raises(errors.StreamBroken):
        came.extend(each.num_rows for each in flights)

    assert came == [3, 2]


def test_a_source_that_fails_is_told_by_its_reason(flights: Reading, world: World) -> None:
    def stream(w: World, context: grpc.ServicerContext) -> Iterator[bytes]:
        yield from list(w.whole())[:2]
        abort(context, errors.SourceFailed("a line of the file has too few fields"))

    world.stream = stream
    expect(flights, world, errors.SourceFailed, "too few fields", Outcome.FAILED)


def test_a_ticket_that_is_not_admitted(flights: Reading, world: World) -> None:
    def stream(_world: World, context: grpc.ServicerContext) -> Iterator[bytes]:
        abort(context, errors.TicketRefused("the ticket has expired", reason="ticket-expired"))
        yield b""

    world.stream = stream
    expect(flights, world, errors.TicketRefused, "expired", Outcome.FAILED)


@pytest.mark.parametrize(
    "change",
    [{"rows": 4}, {"bytes": 1}, {"batches": 3}, {"digest": "0" * 64}],
    ids=lambda each: next(iter(each)),
)
def test_a_trailer_that_counts_differently(flights: Reading, world: World, change: dict[str, Any]) -> None:
    world.stream = lambda w, c: w.whole(**change)

    expect(flights, world, errors.StreamMismatch, "not what the connector says", Outcome.FAILED)


def test_a_batch_dropped_on_the_way(flights: Reading, world: World) -> None:
    def stream(w: World, _context: grpc.ServicerContext) -> Iterator[bytes]:
        messages = list(w.whole())
        return iter([messages[0], *messages[2:]])

    world.stream = stream
    expect(flights, world, errors.StreamMismatch, "not what the connector says", Outcome.FAILED)


def test_batches_in_another_order(flights: Reading, world: World) -> None:
    def stream(w: World, _context: grpc.ServicerContext) -> Iterator[bytes]:
        schema, first, second, trailer = w.whole()
        return iter([schema, second, first, trailer])

    world.stream = stream
    expect(flights, world, errors.StreamMismatch, "not what the connector says", Outcome.FAILED)


def test_a_trailer_of_another_read(flights: Reading, world: World) -> None:
    world.stream = lambda w, c: w.whole(ticket="0" * 32)

    expect(flights, world, errors.StreamMismatch, "another read", Outcome.FAILED)


def test_a_trailer_signed_by_another_departments_connector(flights: Reading, world: World) -> None:
    world.speaker = world.issuers = "weather"

    expect(flights, world, errors.StreamMismatch, "not signed by the dataset's connector", Outcome.FAILED)


def test_a_trailer_signed_by_another_system_of_the_department(flights: Reading, world: World) -> None:
    world.speaker = "port-system"

    expect(flights, world, errors.StreamMismatch, "not signed by the dataset's connector", Outcome.FAILED)


def test_a_trailer_in_the_connectors_name_signed_with_anothers_key(flights: Reading, world: World) -> None:
    forged = world.actors["port"].spiffe_id
    world.speaker = world.issuers = "weather"
    world.stream = lambda w, c: w.whole(connector=forged)

    expect(flights, world, errors.StreamMismatch, "cannot be believed", Outcome.FAILED)


def test_a_trailer_whose_signature_was_altered(flights: Reading, world: World) -> None:
    def stream(w: World, _context: grpc.ServicerContext) -> Iterator[bytes]:
        receipt = w.end(*BATCHES)
        wrong = receipt.signature[:-2] + f"{int(receipt.signature[-2:], 16) ^ 1:02x}"
        closing = parts(batch(0))
        text = receipt.model_copy(update={"signature": wrong}).model_dump_json().encode()
        return iter([*list(w.whole())[:-1], flight.encode(flight.Data(closing.header, closing.body, text))])

    world.stream = stream
    expect(flights, world, errors.StreamMismatch, "cannot be believed", Outcome.FAILED)


@pytest.mark.parametrize("issuers", [None, "weather"])
def test_a_trailer_whose_certificate_leads_to_no_root(
    flights: Reading, world: World, issuers: str | None
) -> None:
    world.issuers = issuers

    expect(flights, world, errors.StreamMismatch, "no trusted authority", Outcome.FAILED)


def test_a_trailer_that_is_no_receipt(flights: Reading, world: World) -> None:
    closing = parts(batch(0))
    world.stream = lambda w, c: iter(
        [schema_message(), flight.encode(flight.Data(closing.header, closing.body, b'{"rows": 0}'))]
    )

    expect(flights, world, errors.StreamMismatch, "not a receipt", Outcome.FAILED)


def test_a_trailer_that_carries_rows(flights: Reading, world: World) -> None:
    def stream(w: World, _context: grpc.ServicerContext) -> Iterator[bytes]:
        data = parts(batch(1))
        receipt = w.end().model_dump_json().encode()
        return iter([schema_message(), flight.encode(flight.Data(data.header, data.body, receipt))])

    world.stream = stream
    expect(flights, world, errors.StreamMismatch, "carries rows", Outcome.FAILED)


def test_rows_after_the_trailer(flights: Reading, world: World) -> None:
    world.stream = lambda w, c: iter([*w.whole(), flight.encode(parts(batch(1)))])

    expect(flights, world, errors.StreamMismatch, "went on after its trailer", Outcome.FAILED)


def test_a_connection_lost_after_the_trailer_does_no_harm(flights: Reading, world: World) -> None:
    def stream(w: World, context: grpc.ServicerContext) -> Iterator[bytes]:
        yield from w.whole()
        context.abort(grpc.StatusCode.UNAVAILABLE, "gone")

    world.stream = stream

    assert flights.to_arrow().num_rows == 5
    assert flights.report.outcome is Outcome.COMPLETE


@pytest.mark.parametrize(
    ("outcome", "reason", "kind"),
    [
        (Outcome.FAILED, "source-failed", errors.SourceFailed),
        (Outcome.CUT, "stream-expired", errors.StreamBroken),
        (Outcome.ABORTED, "drained", errors.StreamBroken),
    ],
)
def test_a_signed_end_that_says_it_is_not_complete(
    flights: Reading, world: World, outcome: Outcome, reason: str, kind: type[errors.ExchangeError]
) -> None:
    world.stream = lambda w, c: w.whole(outcome=outcome, reason=reason)

    with pytest.raises(kind) as raised:
        flights.to_arrow()

    assert raised.value.stable_reason == reason


def test_other_columns_than_the_broker_promised(flights: Reading, world: World) -> None:
    other = pa.schema([("origin", pa.string()), ("tailnum", pa.string())])
    world.stream = lambda w, c: iter([schema_message(other)])

    expect(flights, world, errors.StreamMismatch, "not those that the broker promised", Outcome.FAILED)


def test_a_column_more_than_the_broker_promised(flights: Reading, world: World) -> None:
    other = pa.schema([("origin", pa.string()), ("delay", pa.int64()), ("tailnum", pa.string())])
    world.stream = lambda w, c: iter([schema_message(other)])

    expect(flights, world, errors.StreamMismatch, "not those that the broker promised", Outcome.FAILED)


def test_metadata_in_the_schema(flights: Reading, world: World) -> None:
    other = pa.schema([("origin", pa.string()), ("delay", pa.int64())], metadata={"pandas": "secret column"})
    world.stream = lambda w, c: iter([schema_message(other)])

    expect(flights, world, errors.StreamMismatch, "metadata", Outcome.FAILED)
