"""Arrow Flight's messages on grpcio (Flight.proto of the Arrow format specification).

The servers speak Flight's protocol through generic handlers, so that they have what pyarrow's own server
cannot give from Python: the peer's whole certificate, cancellation, message limits, certificates that change
while running (`docs/adr/0001-flight-on-grpcio.md`). pyarrow stays the codec of everything Arrow.

FlightData is written and read by hand: bodies are large, and this way each is copied once.
    FlightData { FlightDescriptor flight_descriptor = 1; bytes data_header = 2; bytes app_metadata = 3;
                 bytes data_body = 1000; }
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import grpc
import pyarrow as pa

from exchange.errors import StreamBroken

SERVICE = "arrow.flight.protocol.FlightService"
UNARY = ("GetFlightInfo", "PollFlightInfo", "GetSchema")
UNARY_STREAM = ("ListFlights", "DoGet", "DoAction", "ListActions")
STREAM_STREAM = ("Handshake", "DoPut", "DoExchange")
VERBS = UNARY + UNARY_STREAM + STREAM_STREAM
"""Every method of the service, as of Arrow format 1.5; a test holds this against pyarrow's client."""

Bytes = bytes | memoryview
_CONTINUATION = b"\xff\xff\xff\xff"
_DATA_HEADER, _APP_METADATA, _DATA_BODY = 2, 3, 1000


@dataclass(frozen=True, slots=True)
class Data:
    """One FlightData message: IPC message header (flatbuffer), metadata of the application, IPC body."""

    header: Bytes
    body: Bytes
    app_metadata: Bytes = b""


def handler(methods: Mapping[str, Callable[[bytes, grpc.ServicerContext], Any]]) -> Any:
    """A handler of the Flight service over raw bytes; a verb missing from `methods` is a KeyError."""
    make = dict.fromkeys(UNARY, grpc.unary_unary_rpc_method_handler)
    make |= dict.fromkeys(UNARY_STREAM, grpc.unary_stream_rpc_method_handler)
    make |= dict.fromkeys(STREAM_STREAM, grpc.stream_stream_rpc_method_handler)
    return grpc.method_handlers_generic_handler(SERVICE, {verb: make[verb](methods[verb]) for verb in VERBS})


def path(verb: str) -> str:
    """The gRPC path of a Flight verb."""
    return f"/{SERVICE}/{verb}"


def ipc_parts(encapsulated: pa.Buffer) -> Data:
    """An encapsulated IPC message (Arrow columnar format, "IPC") as header and body."""
    view = memoryview(encapsulated).cast("B")
    (length,) = struct.unpack_from("<i", view, 4)
    return Data(header=view[8 : 8 + length], body=view[8 + length :])


def encode(data: Data) -> bytes:
    """The message's protobuf bytes."""
    parts: list[Bytes] = []
    for field, value in (
        (_DATA_HEADER, data.header),
        (_APP_METADATA, data.app_metadata),
        (_DATA_BODY, data.body),
    ):
        if len(value) or field == _DATA_HEADER:
            parts += (_varint(field << 3 | 2), _varint(len(value)), value)
    return b"".join(parts)


def decode(message: bytes) -> Data:
    """The message of these protobuf bytes, without copying the body.

    Raises:
        StreamBroken: the bytes are not a FlightData message.
    """
    fields: dict[int, memoryview] = dict(_fields(memoryview(message)))
    empty = memoryview(b"")
    return Data(
        header=fields.get(_DATA_HEADER, empty),
        app_metadata=fields.get(_APP_METADATA, empty),
        body=fields.get(_DATA_BODY, empty),
    )


def read_schema(data: Data) -> pa.Schema:
    """The schema that a first message carries."""
    return _reading(lambda: pa.ipc.read_schema(_encapsulate(data)))


def read_batch(data: Data, schema: pa.Schema) -> pa.RecordBatch:
    """The record batch a message carries, checked in full, so that hostile offsets cannot reach out (T65)."""

    def read() -> pa.RecordBatch:
        batch = pa.ipc.read_record_batch(_encapsulate(data), schema)
        batch.validate(full=True)
        return batch

    return _reading(read)


def _reading(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise StreamBroken("the connector sent a message that is not Arrow", detail=str(error)) from None


def _encapsulate(data: Data) -> pa.Buffer:
    # one copy puts the body on an aligned address, which other Arrow implementations insist on
    length = len(data.header)
    padding = -(8 + length) % 64
    buffer = pa.allocate_buffer(8 + length + padding + len(data.body))
    view = memoryview(buffer).cast("B")
    view[:8] = _CONTINUATION + struct.pack("<i", length + padding)
    view[8 : 8 + length] = data.header
    view[8 + length : 8 + length + padding] = bytes(padding)
    view[8 + length + padding :] = data.body
    return buffer


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:  # noqa: PLR2004
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _fields(view: memoryview) -> Iterator[tuple[int, memoryview]]:
    at = 0
    while at < len(view):
        tag, at = _read_varint(view, at)
        if tag & 7 != 2:  # noqa: PLR2004 - length-delimited, the only wire type in FlightData
            raise StreamBroken("the connector sent a message that is not FlightData")
        length, at = _read_varint(view, at)
        if length > len(view) - at:
            raise StreamBroken("the connector sent a FlightData message that is cut short")
        yield tag >> 3, view[at : at + length]
        at += length


def _read_varint(view: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(view) and shift < 64:  # noqa: PLR2004
        byte = view[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:  # noqa: PLR2004
            return value, at
    raise StreamBroken("the connector sent a FlightData message that is cut short")
