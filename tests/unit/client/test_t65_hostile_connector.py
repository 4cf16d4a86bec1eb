"""T65: a hostile connector meets the consumer's limits; each case is a typed error, memory stays small."""

from __future__ import annotations

import resource
import struct
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pyarrow as pa
import pytest

from exchange import errors
from exchange.model.dataset import Column
from exchange.model.receipt import Outcome
from exchange.wire import envelope, flight

from .conftest import SCHEMA, World, batch, endless, parts, schema_message, second_message

MEMORY_MB_MAX = 350
"""Server and client share this process: a 100 MB bomb is built and encoded on the server's side."""


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def refuses(
    world: World,
    text: str,
    kind: type[errors.ExchangeError] = errors.StreamMismatch,
    *,
    limit: int | None = None,
    **limits: Any,
) -> None:
    before = peak_mb()
    with world.client(**limits) as city, pytest.raises(kind, match=text):
        for _ in city.read("port.flights", purpose="emergency-response", limit=limit):
            pass
    assert peak_mb() - before < MEMORY_MB_MAX
    assert [received.outcome for received in world.received] == [
        Outcome.CUT if kind is errors.StreamBroken else Outcome.FAILED
    ]


def after_schema(*messages: bytes) -> Callable[[World, grpc.ServicerContext], Iterator[bytes]]:
    return lambda w, c: iter([schema_message(), *messages])


def test_more_rows_than_were_asked_for(world: World) -> None:
    world.stream = lambda w, c: w.whole(batch(3), batch(3))

    refuses(world, "more than 5 rows", limit=5)


def test_more_rows_than_the_client_accepts(world: World) -> None:
    world.stream = lambda w, c: w.whole(batch(3), batch(3))

    refuses(world, "more than 4 rows", rows_max=4)


def test_an_endless_stream_ends_at_the_row_limit(world: World) -> None:
    one = flight.encode(parts(batch(1)))
    world.stream = lambda w, c: (schema_message() if n == 0 else one for n, _ in enumerate(endless(bytes)))

    refuses(world, "more than 100 rows", limit=100)


def test_an_endless_stream_of_empty_batches(world: World) -> None:
    none = flight.encode(parts(batch(0)))
    world.stream = lambda w, c: (schema_message() if n == 0 else none for n, _ in enumerate(endless(bytes)))

    refuses(world, "empty batches", empty_batches_max=10)


def test_a_stream_that_never_moves_ends_at_the_deadline(world: World) -> None:
    def stream(_world: World, context: grpc.ServicerContext) -> Iterator[bytes]:
        yield schema_message()
        while context.is_active():
            context.time_remaining()

    world.stream = stream
    refuses(world, "stream_s", errors.StreamBroken, stream_s=0.5)


def test_a_message_over_the_limit(world: World) -> None:
    big = pa.record_batch([pa.array(["x" * 200_000]), pa.array([1])], schema=SCHEMA)
    world.stream = lambda w, c: w.whole(big)

    refuses(world, "larger than this client accepts", batch_bytes_max=100_000)


def test_a_batch_of_more_rows_than_one_batch_may_hold(world: World) -> None:
    world.stream = lambda w, c: w.whole(batch(11))

    refuses(world, "a batch of more than 10 rows", batch_rows_max=10)


def test_columns_beyond_the_limit(world: World) -> None:
    wide = pa.schema([(f"c{n}", pa.int8()) for n in range(9)])
    world.columns = tuple(Column(name=field.name, type="int8") for field in wide)
    world.stream = lambda w, c: iter([schema_message(wide)])

    refuses(world, "more than 8 columns", columns_max=8)


@pytest.mark.parametrize("codec", ["zstd", "lz4"])
def test_a_decompression_bomb_in_a_batch_is_refused_before_it_is_unpacked(world: World, codec: str) -> None:
    bomb = pa.table([pa.array(["x" * 50_000_000]), pa.array([1])], schema=SCHEMA)
    data = second_message(bomb, pa.ipc.IpcWriteOptions(compression=codec))
    assert len(data) < 500_000
    world.stream = after_schema(data)

    refuses(world, "compressed")


def test_a_compressed_message_is_not_unpacked(world: World) -> None:
    def stream(_world: World, context: grpc.ServicerContext) -> Iterator[bytes]:
        context.set_compression(grpc.Compression.Gzip)
        yield schema_message()
        yield flight.encode(flight.Data(header=bytes(100_000_000), body=b""))

    world.stream = stream
    before = peak_mb()
    with (
        world.client(batch_bytes_max=1 << 30) as city,
        pytest.raises(errors.StreamBroken, match="FlightData"),
    ):
        list(city.read("port.flights", purpose="emergency-response"))
    assert peak_mb() - before < MEMORY_MB_MAX


@pytest.mark.parametrize("offset", [-1, 1 << 30, 5])
def test_offsets_that_reach_out_of_the_batch(world: World, offset: int) -> None:
    data = parts(batch(4))
    body = bytearray(data.body)
    struct.pack_into("<i", body, 8, offset)  # the third of the column's int32 offsets: 0 4 8 12 16
    world.stream = after_schema(flight.encode(flight.Data(header=data.header, body=bytes(body))))

    refuses(world, "not Arrow", errors.StreamBroken)


def test_text_that_is_not_utf8(world: World) -> None:
    data = parts(batch(4))
    body = bytes(data.body).replace("港".encode(), b"\xff\xfe\xff")
    world.stream = after_schema(flight.encode(flight.Data(header=data.header, body=body)))

    refuses(world, "not Arrow", errors.StreamBroken)


def test_a_body_that_is_shorter_than_its_header_says(world: World) -> None:
    data = parts(batch(4))
    world.stream = after_schema(flight.encode(flight.Data(header=data.header, body=data.body[:-8])))

    refuses(world, "something else than a record batch")


def test_a_column_of_nulls_that_claims_any_number_of_rows(world: World) -> None:
    schema = pa.schema([("origin", pa.null())])
    world.columns = (Column(name="origin", type="null"),)
    claims = pa.record_batch([pa.nulls((1 << 20) + 1)], schema=schema)
    world.stream = lambda w, c: iter([schema_message(schema), flight.encode(parts(claims))])

    refuses(world, "a batch of more than")


def test_columns_that_share_their_bytes(world: World) -> None:
    """Two columns over one buffer: cheap to send, twice as large as soon as it is copied."""
    schema = pa.schema([("a", pa.int64()), ("b", pa.int64())])
    world.columns = (Column(name="a", type="int64"), Column(name="b", type="int64"))
    data = parts(pa.record_batch([pa.array([1] * 8), pa.array([2] * 8)], schema=schema))
    header = bytes(data.header)
    # b's two buffers (offset, length) point to a's, and the body is half as long
    header = header.replace(struct.pack("<4q", 64, 0, 64, 64), struct.pack("<4q", 0, 0, 0, 64))
    header = header.replace(struct.pack("<q", 128), struct.pack("<q", 64))
    shared = flight.encode(flight.Data(header=header, body=data.body[:64]))
    world.stream = lambda w, c: iter([schema_message(schema), shared])

    refuses(world, "larger than its bytes")


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\xff" * 40,
        flight.encode(flight.Data(header=b"", body=b"")),
        flight.encode(flight.Data(header=b"\x04\x00\x00\x00" * 8, body=b"")),
        flight.encode(flight.Data(header=b"\xff" * 64, body=b"")),
    ],
    ids=["empty", "no protobuf", "no header", "a table that is its own root", "all bits set"],
)
@pytest.mark.parametrize("place", ["first", "later"])
def test_bytes_that_are_no_message(world: World, message: bytes, place: str) -> None:
    world.stream = (lambda w, c: iter([message])) if place == "first" else after_schema(message)

    with world.client() as city, pytest.raises(errors.StreamBroken):
        list(city.read("port.flights", purpose="emergency-response"))


def test_a_dictionary_batch_is_refused(world: World) -> None:
    schema = pa.schema([("origin", pa.dictionary(pa.int32(), pa.string())), ("delay", pa.int64())])
    table = pa.table([pa.array(["a"]).dictionary_encode(), pa.array([1])], schema=schema)
    world.stream = after_schema(second_message(table))

    refuses(world, "something else than a record batch")


def test_the_envelope_says_what_the_message_is() -> None:
    data = parts(batch(4))

    outside = envelope.inspect(data.header)

    assert outside == envelope.Envelope(
        kind=envelope.RECORD_BATCH, rows=4, compressed=False, body_bytes=len(data.body)
    )
    assert envelope.inspect(flight.ipc_parts(SCHEMA.serialize()).header).kind == envelope.SCHEMA


def test_a_cut_header_is_refused_at_every_length() -> None:
    header = bytes(parts(batch(4)).header)
    whole = envelope.inspect(header)

    for length in range(len(header)):
        try:
            assert envelope.inspect(header[:length]) == whole
        except errors.StreamBroken:
            continue
