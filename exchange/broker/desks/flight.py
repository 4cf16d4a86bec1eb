"""The Flight front: stock Flight clients list, describe and ask for access; data never flows here.

Served are ListFlights, GetSchema and GetFlightInfo. A descriptor is a command, the bytes of an
`exchange.v1.RequestAccessRequest`, or a path `[dataset, purpose]`; where the path is `[dataset]` the purpose
stands in the call's metadata as `exchange-purpose`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import grpc
import pyarrow as pa
from pyarrow import flight

from exchange.broker.authorise import FrontDoor
from exchange.broker.desks.catalogue import Catalogue
from exchange.broker.gate import Gate
from exchange.errors import AccessRefused, RequestInvalid
from exchange.model.dataset import Column
from exchange.model.request import ReadRequest
from exchange.wire.access import command_to_bytes, request_from_command
from exchange.wire.arrow import schema_of
from exchange.wire.flight import VERBS, handler
from exchange.wire.status import guarded

PURPOSE = "exchange-purpose"
_PATH_PARTS = (1, 2)


class FlightFront:
    """Flight's verbs over the front door and the catalogue."""

    def __init__(self, gate: Gate, door: FrontDoor, catalogue: Catalogue) -> None:
        self._gate = gate
        self._door = door
        self._catalogue = catalogue

    def handler(self) -> Any:
        """The Flight service; verbs that are not served refuse, should the gate ever let them through."""
        refused = dict.fromkeys(VERBS, _refuse)
        served = {
            "ListFlights": self.list_flights,
            "GetFlightInfo": self.get_flight_info,
            "GetSchema": self.get_schema,
        }
        return handler({**refused, **served})

    def list_flights(self, _criteria: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        """The datasets the caller may see, without endpoints, tickets or counts."""
        with guarded(context):
            entries, _ = self._catalogue.entries(self._gate.peer(context).subject)
            for entry in entries:
                descriptor = flight.FlightDescriptor.for_path(entry.id)
                yield _info(entry.columns, descriptor, [])

    def get_flight_info(self, message: bytes, context: grpc.ServicerContext) -> bytes:
        """Steps 2 to 5; one endpoint at the connector, whose ticket can be redeemed once."""
        with guarded(context):
            grant = self._door.authorise(self._gate.peer(context), lambda: _request(message, context))
            offers = [
                flight.FlightEndpoint(grant.ticket, [f"grpc+tls://{offer.location}"])
                for offer in grant.offers
            ]
            return _info(grant.columns, _descriptor(message), offers)
        raise AssertionError("a guarded call neither answered nor aborted")

    def get_schema(self, message: bytes, context: grpc.ServicerContext) -> bytes:
        """The governed schema, decided and recorded as `describe`."""
        with guarded(context):
            columns = self._door.describe(self._gate.peer(context), lambda: _request(message, context))
            schema = schema_of(columns)
            if schema is None:
                raise RequestInvalid(
                    "the dataset has a column whose type Flight cannot be told in advance",
                    hint="GetFlightInfo gives a ticket all the same; the stream carries the schema",
                )
            return bytes(flight.SchemaResult(schema).serialize())
        raise AssertionError("a guarded call neither answered nor aborted")


def _refuse(_message: bytes, context: grpc.ServicerContext) -> Any:
    with guarded(context):
        raise AccessRefused("the broker does not serve this Flight verb", reason="call-refused")


def _info(columns: tuple[Column, ...], descriptor: flight.FlightDescriptor, endpoints: list[Any]) -> bytes:
    # counts stay unknown: what could be counted here is what obligations hide (T50)
    schema = schema_of(columns) or pa.schema([])
    return bytes(flight.FlightInfo(schema, descriptor, endpoints, -1, -1).serialize())


def _descriptor(message: bytes) -> flight.FlightDescriptor:
    try:
        return flight.FlightDescriptor.deserialize(message)
    except (pa.ArrowException, OSError, ValueError):
        raise RequestInvalid("the message is not a Flight descriptor") from None


def _request(message: bytes, context: grpc.ServicerContext) -> ReadRequest:
    descriptor = _descriptor(message)
    if descriptor.descriptor_type == flight.DescriptorType.CMD:
        return request_from_command(descriptor.command)
    parts = [_text(part) for part in descriptor.path or ()]
    if len(parts) not in _PATH_PARTS:
        raise RequestInvalid("the descriptor's path is not [dataset, purpose]")
    purpose = parts[1] if len(parts) > 1 else _purpose(context)
    # through the same codec as a command, so that both are bounded alike
    return request_from_command(
        command_to_bytes(ReadRequest(dataset=parts[0], purpose=purpose, trace_id=uuid.uuid4().hex))
    )


def _text(part: bytes) -> str:
    try:
        return part.decode()
    except UnicodeDecodeError:
        raise RequestInvalid("the descriptor's path is not UTF-8") from None


def _purpose(context: grpc.ServicerContext) -> str:
    metadata = dict(context.invocation_metadata() or ())
    value = metadata.get(PURPOSE, "")
    return value if isinstance(value, str) else ""
