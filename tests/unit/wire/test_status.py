"""Errors cross the wire as reason, id and public text; nothing else does."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest

from exchange import errors
from exchange.wire import status

SECRET = "/srv/secret/path.db: SELECT tailnum"


class Service:
    """Raises what the test hands it."""

    error: BaseException = RuntimeError()

    @status.answers
    def unary(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        raise self.error

    @status.streams
    def stream(self, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        yield b"first"
        raise self.error


@pytest.fixture
def wire() -> Iterator[tuple[Service, grpc.Channel]]:
    service = Service()
    server = grpc.server(ThreadPoolExecutor(2))
    methods = {
        "Unary": grpc.unary_unary_rpc_method_handler(service.unary),
        "Stream": grpc.unary_stream_rpc_method_handler(service.stream),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test", methods),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield service, channel
    server.stop(None)


def _unary(channel: grpc.Channel) -> errors.ExchangeError:
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/test/Unary")(b"")
    return status.error_of(caught.value, doing="calling")


def _everything(error: Any) -> str:
    return f"{error.details()} {error.trailing_metadata()} {error.debug_error_string()}"


KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.ExchangeError) and kind is not errors.ExchangeError
]
LOCAL = [errors.ConfigError, errors.PkiError]
"""They tell an operator which of his files is wrong; that is nobody else's business."""


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in LOCAL], ids=lambda kind: kind.__name__)
def test_each_error_arrives_as_itself(
    wire: tuple[Service, grpc.Channel], kind: type[errors.ExchangeError]
) -> None:
    service, channel = wire
    service.error = kind("不可以 this text", hint="试试 that", detail=SECRET, id="a" * 32)
    found = _unary(channel)
    assert type(found) is kind
    assert (found.public, found.hint, found.id) == ("不可以 this text", "试试 that", "a" * 32)


@pytest.mark.parametrize("kind", LOCAL, ids=lambda kind: kind.__name__)
def test_t55_an_operators_error_stays_at_home(
    wire: tuple[Service, grpc.Channel], kind: type[errors.ExchangeError]
) -> None:
    service, channel = wire
    service.error = kind(SECRET, hint=SECRET)
    found = _unary(channel)
    assert type(found) is errors.ExchangeError
    assert "secret" not in str(found)
    assert found.id


def test_a_refusal_keeps_its_own_reason(wire: tuple[Service, grpc.Channel]) -> None:
    service, channel = wire
    service.error = errors.AccessRefused("the request was refused", reason="limit-exhausted")
    found = _unary(channel)
    assert (type(found), found.stable_reason) == (errors.AccessRefused, "limit-exhausted")


def test_a_ticket_reason_is_a_ticket_error(wire: tuple[Service, grpc.Channel]) -> None:
    service, channel = wire
    service.error = errors.TicketRefused("no", reason="ticket-used")
    assert type(_unary(channel)) is errors.TicketRefused


@pytest.mark.parametrize("call", ["Unary", "Stream"])
def test_t55_the_detail_never_leaves(wire: tuple[Service, grpc.Channel], call: str) -> None:
    service, channel = wire
    for error in (ValueError(SECRET), errors.SourceFailed("the source failed", detail=SECRET)):
        service.error = error
        with pytest.raises(grpc.RpcError) as caught:
            if call == "Unary":
                channel.unary_unary("/test/Unary")(b"")
            else:
                list(channel.unary_stream("/test/Stream")(b""))
        assert "secret" not in _everything(caught.value)
        assert "Traceback" not in _everything(caught.value)


def test_an_unforeseen_error_gives_an_id_that_the_operators_log_has(
    wire: tuple[Service, grpc.Channel], caplog: pytest.LogCaptureFixture
) -> None:
    service, channel = wire
    service.error = ValueError(SECRET)
    found = _unary(channel)
    assert len(found.id) == 32
    assert found.id in caplog.text
    assert SECRET in caplog.text


def test_a_peer_that_is_not_there_is_unavailable() -> None:
    with grpc.insecure_channel("127.0.0.1:1") as channel, pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/test/Unary")(b"", timeout=2)
    found = status.error_of(caught.value, doing="asking the broker")
    assert isinstance(found, errors.Unavailable)
    assert found.retryable
    assert "asking the broker" in found.public
