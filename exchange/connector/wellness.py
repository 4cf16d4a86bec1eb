"""Whether this connector serves, for those who ask by gRPC's health protocol; nobody holds it up (T66)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import grpc
from grpc_health.v1 import health_pb2

from exchange.connector.alarms import Alarms
from exchange.wire.status import guarded

SERVICE = "grpc.health.v1.Health"
ALARM = "exchange-alarm"


class Wellness:
    """Answers `Check`, and nothing else of the protocol: a `Watch` would hold a place for ever.

    The answer is that of the whole process and needs no request, so it is given before one arrives: a caller
    that never sends it holds no thread.

    Args:
        identify: raises unless the call's certificate names somebody of this city.
        alarms: named in the trailing metadata of the answer: data is served while they stand.
    """

    def __init__(self, identify: Callable[[grpc.ServicerContext], object], alarms: Alarms) -> None:
        self._identify = identify
        self._alarms = alarms
        self._status = health_pb2.HealthCheckResponse.SERVING

    def end(self) -> None:
        """Say NOT_SERVING from now on."""
        self._status = health_pb2.HealthCheckResponse.NOT_SERVING

    def handler(self) -> Any:
        """What a gRPC server is given."""
        return grpc.method_handlers_generic_handler(
            SERVICE, {"Check": grpc.stream_stream_rpc_method_handler(self._check)}
        )

    def _check(self, _requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        with guarded(context):
            self._identify(context)
            context.set_trailing_metadata(tuple((ALARM, name) for name in sorted(self._alarms.standing)))
            yield health_pb2.HealthCheckResponse(status=self._status).SerializeToString()
