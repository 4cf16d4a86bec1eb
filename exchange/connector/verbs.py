"""The connector's Flight service: DoGet, and a recorded refusal for everything else."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc

from exchange.connector.admit import Admission
from exchange.connector.admitted import Admitted
from exchange.connector.records.ledger import Ledger
from exchange.connector.streaming.limits import Slot, Slots
from exchange.connector.streaming.stream import Delivering, deliver
from exchange.errors import AccessRefused, ExchangeError, RequestInvalid
from exchange.model.clock import Clock
from exchange.security.identity import Peer, peer_of
from exchange.wire import flight
from exchange.wire.redeem import ticket_from_wire
from exchange.wire.status import guarded, internal

_log = logging.getLogger(__name__)

SERVED = frozenset({"DoGet"})


class FlightVerbs:
    """Handles every verb of the Flight service; used from many threads."""

    def __init__(
        self,
        *,
        admission: Admission,
        delivering: Delivering,
        ledger: Ledger,
        slots: Slots,
        clock: Clock,
        trust_domain: str,
    ) -> None:
        self._admission = admission
        self._delivering = delivering
        self._ledger = ledger
        self._slots = slots
        self._clock = clock
        self._trust_domain = trust_domain

    def handler(self) -> Any:
        """What a gRPC server is given.

        On the wire a call with one request is a stream of one. Taking all of them as streams lets a call be
        refused, counted and timed before its request arrives: grpc would wait for it without end, in one of
        the threads that all consumers share (T66).
        """
        methods: dict[str, Callable[..., Any]] = {verb: self._refusing(verb) for verb in flight.VERBS}
        methods["DoGet"] = self.do_get
        return grpc.method_handlers_generic_handler(
            flight.SERVICE,
            {verb: grpc.stream_stream_rpc_method_handler(call) for verb, call in methods.items()},
        )

    def do_get(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        """Steps 6 to 9 for one ticket."""
        with guarded(context):
            with self._recording("DoGet", context) as caller:
                peer = caller.identify()
                slot = self._slots.take(peer.subject)
                admitted = self._admit(requests, peer, slot, context)
            try:
                yield from deliver(admitted, self._delivering, slot, context)
            finally:
                slot.release()

    def _admit(
        self, requests: Iterator[bytes], peer: Peer, slot: Slot, context: grpc.ServicerContext
    ) -> Admitted:
        try:
            with self._delivering.watchdog.awaiting(context):
                token = ticket_from_wire(_first(requests))
            return self._admission.admit(token, peer)
        except BaseException:
            slot.release()
            raise

    def _refusing(self, verb: str) -> Callable[[Any, grpc.ServicerContext], Any]:
        def refuse(_request: Any, context: grpc.ServicerContext) -> Any:
            with guarded(context), self._recording(verb, context) as caller:
                caller.identify()
                raise AccessRefused(
                    f"a connector does not serve {verb}",
                    reason="not-served",
                    hint="ask the broker; a connector only redeems tickets, by DoGet",
                )

        return refuse

    @contextmanager
    def _recording(self, verb: str, context: grpc.ServicerContext) -> Iterator[_Caller]:
        """Record whatever is refused inside before the caller hears of it; if it cannot be, say only that."""
        caller = _Caller(context, self._trust_domain, self._clock)
        try:
            yield caller
        except ExchangeError as error:
            self._ledger.refuse(error, call=verb, subject=caller.id)
            _log.warning(
                "%s refused to %s: %s (%s)", verb, caller.id or "nobody", error.stable_reason, error.id
            )
            raise
        except Exception as error:
            clean = internal(error)
            incident, clean.id = clean.id, ""
            self._ledger.refuse(clean, call=verb, subject=caller.id)
            clean.id = incident
            raise clean from error


def _first(requests: Iterator[bytes]) -> bytes:
    """The call's request.

    Raises:
        RequestInvalid: the call ended before a request was here: too late, too large, left, or without one.
    """
    try:
        request = next(requests, None)
    except grpc.RpcError:
        request = None
    # Which of the two gRPC does when it cuts a call is a matter of timing.
    if request is None:
        raise RequestInvalid("the call ended before its request arrived", reason="request-missing")
    return request


class _Caller:
    """Who calls; "" until its certificate has named it."""

    def __init__(self, context: grpc.ServicerContext, trust_domain: str, clock: Clock) -> None:
        self._context = context
        self._trust_domain = trust_domain
        self._clock = clock
        self.id = ""

    def identify(self) -> Peer:
        """(2) The peer by its certificate, checked on every call.

        Raises:
            IdentityError: it names nobody of this city, or is not valid now.
        """
        peer = peer_of(self._context.auth_context(), self._trust_domain, self._clock.now_us())
        self.id = peer.subject.id
        return peer
