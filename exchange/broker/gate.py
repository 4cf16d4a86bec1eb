"""The gate before every call: who is it (step 2), may this kind of actor make this call, is there room?"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import grpc

from exchange.broker.calls import Patience, only
from exchange.broker.ledger import Ledger
from exchange.broker.rpc_policy import may_call
from exchange.errors import AccessRefused, ExchangeError, IdentityError, RequestInvalid
from exchange.model.clock import Clock
from exchange.model.subject import Subject
from exchange.security.identity import Peer, peer_of
from exchange.wire.status import guarded, reason_of

_log = logging.getLogger("exchange.broker.gate")


class Gate(grpc.ServerInterceptor):  # type: ignore[type-arg]  # generic in the stubs only
    """Stands before every method of the server, reflection and health included.

    On the wire a call with one request is a stream of one. Taking all calls as streams lets one be refused,
    counted and timed before its request arrives: grpc would wait for it without end, in one of the threads
    that all callers share (T66).
    """

    def __init__(self, trust_domain: str, clock: Clock, ledger: Ledger, patience: Patience) -> None:
        self._trust_domain = trust_domain
        self._clock = clock
        self._ledger = ledger
        self._patience = patience
        self._here = _Here()

    def peer(self, context: grpc.ServicerContext) -> Peer:
        """Who calls, by certificate alone (step 2).

        Raises:
            IdentityError: the certificate names nobody of this city, or is no longer valid (T5, T8).
        """
        # a call is served by one thread from the gate to its end, and asks again within the moment
        if self._here.context is context:
            return self._here.peer
        return peer_of(context.auth_context(), self._trust_domain, self._clock.now_us())

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[Any, Any] | None],
        details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """The method's handler with the gate in front of it."""
        handler: Any = continuation(details)
        if handler is None:
            return None
        # Messages are read in here: where grpc fails to read one of a stream, its thread waits for ever.
        name = details.method.removeprefix("/")
        if handler.response_streaming:
            return grpc.stream_stream_rpc_method_handler(
                self._answering_many(handler, name), response_serializer=handler.response_serializer
            )
        return grpc.stream_unary_rpc_method_handler(
            self._answering_once(handler, name), response_serializer=handler.response_serializer
        )

    def _answering_once(self, handler: Any, name: str) -> Callable[..., Any]:
        """One answer, which grpc sends by itself, together with the status: no thread waits for its taker."""
        answer = handler.stream_unary if handler.request_streaming else handler.unary_unary

        def call(requests: Iterator[Any], context: grpc.ServicerContext) -> Any:
            with guarded(context):
                subject = self._admit(name, context)
                with self._recording(name, subject, context):
                    self._patience.check(subject.department)
                    said = answer(self._heard(handler, requests, context, subject), context)
                    self._patience.answered(context, subject.department)
                    return said
            raise AssertionError("a guarded call neither answered nor aborted")

        return call

    def _answering_many(self, handler: Any, name: str) -> Callable[..., Any]:
        answer = handler.stream_stream if handler.request_streaming else handler.unary_stream

        def call(requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
            with guarded(context):
                subject = self._admit(name, context)
                with self._recording(name, subject, context):
                    self._patience.check(subject.department)
                    answers = answer(self._heard(handler, requests, context, subject), context)
                    yield from self._patience.sent(answers, context, subject.department)

        return call

    def _heard(
        self, handler: Any, requests: Iterator[Any], context: grpc.ServicerContext, subject: Subject
    ) -> Any:
        """The caller's one message, or all of them as they come."""
        heard = self._patience.received(requests, context, subject.department)
        read = map(partial(_read, handler.request_deserializer), heard)
        return read if handler.request_streaming else only(read)

    def _admit(self, name: str, context: grpc.ServicerContext) -> Subject:
        try:
            peer = self.peer(context)
        except IdentityError as error:
            error.id = self._ledger.refused(name, error.stable_reason, None)
            raise
        if not may_call(peer.subject.kind, f"/{name}"):
            access_id = self._ledger.refused(name, "call-refused", peer.subject)
            raise AccessRefused("this call is not open to you", reason="call-refused", id=access_id)
        self._here.context, self._here.peer = context, peer
        return peer.subject

    @contextmanager
    def _recording(self, name: str, subject: Subject, context: grpc.ServicerContext) -> Iterator[None]:
        """See to it that no refusal stays without a record, whoever forgot it and whatever went wrong."""
        self._ledger.begin_call()
        try:
            yield
        except ExchangeError as error:
            if not self._ledger.recorded:
                error.id = self._ledger.refused(name, error.stable_reason, subject)
            raise
        except Exception:
            # an abort: its status is set already and reaches the caller after this
            if not self._ledger.recorded:
                self._record_abort(name, subject, context)
            raise
        finally:
            self._here.context = None

    def _record_abort(self, name: str, subject: Subject, context: grpc.ServicerContext) -> None:
        try:
            self._ledger.refused(name, reason_of(context) or "internal", subject)
        except ExchangeError as error:
            _log.error("a refusal of %s to %s could not be recorded: %s", name, subject.id, error.public)


class _Here(threading.local):
    """The call that this thread serves, and who makes it."""

    context: grpc.ServicerContext | None = None
    peer: Peer


def _read(deserialise: Callable[[bytes], Any] | None, message: bytes) -> Any:
    try:
        return deserialise(message) if deserialise else message
    except Exception:  # noqa: BLE001 - whatever the reader raises means that this is no such message
        raise RequestInvalid("the message is not what this call takes") from None
