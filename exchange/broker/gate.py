"""The gate before every call: who is it (step 2), and may this kind of actor make this call at all?"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import grpc

from exchange.broker.ledger import Ledger
from exchange.broker.rpc_policy import may_call
from exchange.errors import AccessRefused, IdentityError
from exchange.model.clock import Clock
from exchange.security.identity import Peer, peer_of
from exchange.wire.status import guarded

_FORMS = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")


class Gate(grpc.ServerInterceptor):  # type: ignore[type-arg]  # generic in the stubs only
    """Stands before every method of the server, reflection and health included."""

    def __init__(self, trust_domain: str, clock: Clock, ledger: Ledger) -> None:
        self._trust_domain = trust_domain
        self._clock = clock
        self._ledger = ledger

    def peer(self, context: grpc.ServicerContext) -> Peer:
        """Who calls, by certificate alone (step 2).

        Raises:
            IdentityError: the certificate names nobody of this city, or is no longer valid (T5, T8).
        """
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
        form = next(form for form in _FORMS if getattr(handler, form) is not None)
        gated = self._gated(getattr(handler, form), details.method)
        found: grpc.RpcMethodHandler[Any, Any] = handler._replace(**{form: gated})
        return found

    def _gated(self, behaviour: Callable[..., Any], method: str) -> Callable[..., Any]:
        @functools.wraps(behaviour)
        def call(request: Any, context: grpc.ServicerContext) -> Any:
            with guarded(context):
                self._admit(method, context)
            return behaviour(request, context)

        return call

    def _admit(self, method: str, context: grpc.ServicerContext) -> None:
        name = method.removeprefix("/")
        try:
            peer = self.peer(context)
        except IdentityError as error:
            error.id = self._ledger.refused(name, error.stable_reason, None)
            raise
        if not may_call(peer.subject.kind, method):
            access_id = self._ledger.refused(name, "call-refused", peer.subject)
            raise AccessRefused("this call is not open to you", reason="call-refused", id=access_id)
