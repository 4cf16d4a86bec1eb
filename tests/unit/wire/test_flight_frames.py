"""FlightData written by hand is the message that any Flight implementation reads, and back."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.flight as fl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.errors import StreamBroken
from exchange.wire import flight


def test_a_batch_survives_the_frame() -> None:
    batch = pa.record_batch({"n": [1, None, 3], "名称": ["张三", None, ""]})
    schema = flight.read_schema(flight.decode(flight.encode(flight.ipc_parts(batch.schema.serialize()))))
    assert schema == batch.schema
    framed = flight.encode(flight.ipc_parts(batch.serialize()))
    assert flight.read_batch(flight.decode(framed), schema).equals(batch)


@given(st.binary(max_size=300), st.binary(max_size=300), st.binary(max_size=300))
def test_header_metadata_and_body_come_back_as_they_were(header: bytes, metadata: bytes, body: bytes) -> None:
    data = flight.decode(flight.encode(flight.Data(header=header, body=body, app_metadata=metadata)))
    assert (bytes(data.header), bytes(data.app_metadata), bytes(data.body)) == (header, metadata, body)


@given(st.binary(max_size=200))
def test_bytes_of_a_stranger_are_read_or_refused_but_never_crash(message: bytes) -> None:
    try:
        data = flight.decode(message)
        flight.read_batch(data, pa.schema([("n", pa.int64())]))
    except StreamBroken:
        pass


def test_a_message_cut_anywhere_is_refused() -> None:
    schema = pa.schema([("n", pa.int64())])
    framed = flight.encode(flight.ipc_parts(pa.record_batch({"n": [1, 2, 3]}).serialize()))
    for length in range(len(framed)):
        with pytest.raises(StreamBroken):
            flight.read_batch(flight.decode(framed[:length]), schema)


def test_offsets_that_point_outside_are_refused() -> None:
    schema = pa.schema([("t", pa.string())])
    batch = pa.record_batch({"t": ["abc", "def"]})
    parts = flight.ipc_parts(batch.serialize())
    body = bytearray(parts.body)
    at = bytes(body).index((6).to_bytes(4, "little"))
    body[at : at + 4] = (1 << 20).to_bytes(4, "little")
    with pytest.raises(StreamBroken):
        flight.read_batch(flight.Data(header=parts.header, body=bytes(body)), schema)


def test_every_verb_of_the_flight_service_is_known() -> None:
    client_calls = {
        "list_flights",
        "get_flight_info",
        "get_schema",
        "do_get",
        "do_put",
        "do_exchange",
        "do_action",
    }
    assert client_calls <= {name for name in dir(fl.FlightClient) if not name.startswith("_")}
    assert {"GetFlightInfo", "GetSchema", "ListFlights", "DoGet", "DoPut", "DoExchange", "DoAction"} <= set(
        flight.VERBS
    )
