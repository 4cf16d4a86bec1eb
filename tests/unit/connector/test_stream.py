"""Steps 6 to 9 as a consumer meets them: a ticket, a stream, its signed end."""

from __future__ import annotations

import hashlib

import grpc
import pyarrow as pa
import pytest
from certified import DOMAIN
from connector_house import BATCH_ROWS, CANARY, ROWS, House, begin, read, read_on
from pyarrow import flight as stock

from exchange.errors import SourceFailed
from exchange.model.obligation import ColumnRule, Nullify, Obligations
from exchange.model.predicate import Compare
from exchange.model.receipt import Outcome
from exchange.model.subject import Kind
from exchange.security.tls import flight_options
from exchange.wire import flight


def test_a_ticket_gives_the_governed_rows_and_a_signed_end(house: House, line: grpc.Channel) -> None:
    got = read(line, house.token())

    assert got.error is None
    assert got.rows == ROWS
    assert (got.end.outcome, got.end.reason, got.end.rows) == (Outcome.COMPLETE, "", ROWS)
    assert house.said() == [("start", ""), ("end", "complete")]


def test_the_end_vouches_for_every_byte_of_every_batch(house: House, line: grpc.Channel) -> None:
    got = read(line, house.token())

    batches = [flight.decode(message) for message in got.raw[1:-1]]
    sent = b"".join(bytes(data.header) + bytes(data.body) for data in batches)
    assert got.end.digest == hashlib.sha256(sent).hexdigest()
    assert (got.end.bytes, got.end.batches) == (len(sent), len(batches))


def test_columns_outside_the_allow_list_are_in_no_byte_that_left(house: House, line: grpc.Channel) -> None:
    got = read(line, house.token())

    assert not any(CANARY.encode() in message or b"secret" in message for message in got.raw)


def test_masks_and_filters_act(house: House, line: grpc.Channel) -> None:
    obligations = Obligations(
        columns=(ColumnRule(name="dep_delay"), ColumnRule(name="secret", mask=Nullify())),
        row_filter=Compare(column="dep_delay", op="<", value=500),
    )
    where = Compare(column="dep_delay", op=">=", value=450)
    got = read(line, house.token(obligations=obligations, where=where))

    assert got.rows == 50
    assert not any(CANARY.encode() in message for message in got.raw)


def test_a_row_limit_ends_the_stream_and_says_so(house: House, line: grpc.Channel) -> None:
    obligations = Obligations(columns=(ColumnRule(name="origin"),), row_limit=150)
    got = read(line, house.token(obligations=obligations))

    assert got.rows == 150
    assert (got.end.outcome, got.end.reason) == (Outcome.COMPLETE, "row-limit")


def test_no_row_at_all_is_a_complete_stream(house: House, line: grpc.Channel) -> None:
    got = read(line, house.token(where=Compare(column="dep_delay", op=">", value=ROWS)))

    assert (got.rows, got.end.outcome, got.end.batches) == (0, Outcome.COMPLETE, 0)
    assert flight.read_schema(flight.decode(got.raw[0])).names == ["origin", "dep_delay"]


def test_a_stock_flight_client_reads_the_same_rows(house: House) -> None:
    options = flight_options(house.dispatch(), "port", Kind.CONNECTOR, DOMAIN)
    with stock.connect(f"grpc+tls://{house.connector.location}", **options) as client:
        table = client.do_get(stock.Ticket(house.token())).read_all()

    assert table.num_rows == ROWS
    assert table.schema == pa.schema([("origin", pa.string()), ("dep_delay", pa.int64())])


def test_a_consumer_that_leaves_gets_its_end_with_what_was_handed_over(
    house: House, line: grpc.Channel
) -> None:
    house.source.rows = 5_000_000
    call = begin(line, house.token())
    next(call)
    next(call)
    call.cancel()

    house.until(lambda: ("end", "aborted") in house.said())
    end = house.statements()[-1]
    assert end.reason == "consumer-gone"
    assert BATCH_ROWS <= end.rows < house.source.rows
    house.until(lambda: house.source.open_scans == 0 and house.connector._slots.running == 0)


def test_each_stream_has_exactly_one_end(house: House, line: grpc.Channel) -> None:
    for _ in range(3):
        read(line, house.token())
        begin(line, house.token()).cancel()

    house.until(lambda: house.connector._slots.running == 0 and house.connector._watchdog.running == 0)
    statements = house.statements()
    starts = [one.ticket for one in statements if one.kind == "start"]
    ends = [one.ticket for one in statements if one.kind == "end"]
    assert sorted(starts) == sorted(ends)
    assert len(set(ends)) == len(ends) >= 3


def test_a_stream_past_its_time_is_ended_without_a_trailer(house: House, line: grpc.Channel) -> None:
    def later(number: int) -> None:
        if number == 3:
            house.clock.offset_s = 700

    house.source.before = later
    house.source.rows = 10_000
    got = read(line, house.token())

    assert got.reason == "stream-expired"
    assert got.receipt is None
    assert house.said() == [("start", ""), ("end", "aborted")]


@pytest.mark.parametrize(
    "failure", [SourceFailed("the file is gone"), RuntimeError("/srv/x.db: SELECT secret FROM t")]
)
def test_a_failing_source_never_looks_like_a_short_result(
    house: House, line: grpc.Channel, failure: Exception
) -> None:
    def fail(number: int) -> None:
        if number == 3:
            raise failure

    house.source.before = fail
    got = read(line, house.token())

    assert isinstance(got.error, SourceFailed)
    assert got.receipt is None
    assert house.said() == [("start", ""), ("end", "failed")]
    assert house.statements()[-1].reason == "source-failed"


def test_a_source_that_changes_its_columns_after_admission_delivers_nothing(
    house: House, line: grpc.Channel
) -> None:
    original = house.source._batches

    def other(columns: list[str], rows: int) -> object:
        for batch in original(columns, rows):
            yield batch.rename_columns(["secret", *batch.schema.names[1:]])

    house.source._batches = other  # type: ignore[assignment, method-assign]
    got = read(line, house.token())

    assert (got.rows, got.reason) == (0, "source-failed")
    assert house.said() == [("start", ""), ("end", "failed")]


def test_the_whole_answer_is_one_schema_then_batches_then_one_trailer(
    house: House, line: grpc.Channel
) -> None:
    got = read_on(begin(line, house.token()))

    with_metadata = [i for i, m in enumerate(got.raw) if len(flight.decode(m).app_metadata)]
    assert with_metadata == [len(got.raw) - 1]
    assert got.error is None
