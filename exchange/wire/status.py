"""Errors as gRPC statuses, and statuses as errors.

What crosses the wire is the stable reason, the access id and the public text; tracebacks, paths, SQL and host
names never do (T55).
"""

from __future__ import annotations

import functools
import logging
import uuid
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, TypeVar

import grpc

from exchange import errors
from exchange.errors import ConfigError, ExchangeError, PkiError
from exchange.wire.unreachable import why

REASON = "exchange-reason"
ID = "exchange-id"
HINT = "exchange-hint-bin"
TEXT_BYTES_MAX = 2000
"""Each byte that is not ASCII takes three on the wire."""

_log = logging.getLogger("exchange.rpc")
RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")


def abort(context: grpc.ServicerContext, error: ExchangeError) -> NoReturn:
    """End the call with the error's status; does not return.

    An error that is told to an operator names files and hosts: outsiders learn that something failed (T55).
    """
    error = outward(error)
    metadata: list[tuple[str, str | bytes]] = [(REASON, error.stable_reason)]
    if error.id:
        metadata.append((ID, error.id))
    if error.hint:
        metadata.append((HINT, error.hint.encode()))
    context.set_trailing_metadata(tuple(metadata))
    text = f"{error.stable_reason}: {bounded(error.public)}" + (f" (id {error.id})" if error.id else "")
    context.abort(grpc.StatusCode[error.code], text)
    raise AssertionError("abort returned")


def outward(error: ExchangeError) -> ExchangeError:
    """The error as an outsider may learn it; what else it holds goes to the operator's log."""
    if isinstance(error, ConfigError | PkiError):
        return internal(error)
    if error.detail:
        _log.warning("%s: %s (%s)", error.stable_reason, error.public, error.detail)
    return error


def bounded(text: str) -> str:
    """The text, cut to what fits a status: gRPC drops a whole answer whose metadata is over 8 KiB."""
    encoded = text.encode(errors="replace")
    if len(encoded) <= TEXT_BYTES_MAX:
        return text
    return encoded[: TEXT_BYTES_MAX - 3].decode(errors="ignore") + "…"


def reason_of(context: grpc.ServicerContext) -> str:
    """The stable reason a call was aborted with; "" while there is none."""
    metadata: Any = context.trailing_metadata()
    return str(dict(metadata or ()).get(REASON, ""))


def internal(error: BaseException) -> ExchangeError:
    """What an outsider learns of an unforeseen error: an id under which the operator finds it."""
    incident = uuid.uuid4().hex
    _log.error("unforeseen error, incident %s", incident, exc_info=error)
    return ExchangeError(
        "something failed inside the exchange; the operator can find it by its id", id=incident
    )


def answers(
    handler: Callable[[Any, RequestT, grpc.ServicerContext], ResponseT],
) -> Callable[[Any, RequestT, grpc.ServicerContext], ResponseT]:
    """Wrap a unary method so that it answers with a value or a clean status, nothing else."""

    @functools.wraps(handler)
    def call(self: Any, request: RequestT, context: grpc.ServicerContext) -> ResponseT:
        with guarded(context):
            return handler(self, request, context)
        raise AssertionError("a guarded call neither answered nor aborted")

    return call


def streams(
    handler: Callable[[Any, RequestT, grpc.ServicerContext], Iterator[ResponseT]],
) -> Callable[[Any, RequestT, grpc.ServicerContext], Iterator[ResponseT]]:
    """Wrap a streaming method likewise."""

    @functools.wraps(handler)
    def call(self: Any, request: RequestT, context: grpc.ServicerContext) -> Iterator[ResponseT]:
        with guarded(context):
            yield from handler(self, request, context)

    return call


class guarded:  # noqa: N801 - reads as a statement: `with guarded(context):`
    """Turns whatever is raised inside into a clean status on this call."""

    def __init__(self, context: grpc.ServicerContext) -> None:
        self._context = context

    def __enter__(self) -> None:
        """Nothing to set up."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Abort the call on an error that is not already an abort."""
        if isinstance(error, ExchangeError):
            abort(self._context, error)
        # grpc marks its own abort by raising a bare Exception after setting the code
        if isinstance(error, Exception) and self._context.code() is None:  # type: ignore[attr-defined]
            abort(self._context, internal(error))


def _tree(root: type[ExchangeError]) -> Iterator[type[ExchangeError]]:
    yield root
    for child in root.__subclasses__():
        yield from _tree(child)


_BY_CODE: dict[grpc.StatusCode, type[ExchangeError]] = {
    grpc.StatusCode.PERMISSION_DENIED: errors.AccessRefused,
    grpc.StatusCode.UNAUTHENTICATED: errors.IdentityError,
    grpc.StatusCode.INVALID_ARGUMENT: errors.RequestInvalid,
    grpc.StatusCode.UNAVAILABLE: errors.Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: errors.Unavailable,
    grpc.StatusCode.RESOURCE_EXHAUSTED: errors.LimitReached,
    grpc.StatusCode.DATA_LOSS: errors.StreamBroken,
    grpc.StatusCode.ABORTED: errors.SourceFailed,
    grpc.StatusCode.FAILED_PRECONDITION: errors.PolicyInvalid,
}


def error_of(rpc_error: grpc.RpcError, *, doing: str) -> ExchangeError:
    """The typed error that a failed call stands for.

    Args:
        rpc_error: as grpcio raised it.
        doing: what was being done, for people ("asking the broker").
    """
    metadata: dict[str, Any] = dict(rpc_error.trailing_metadata() or ())  # type: ignore[arg-type]
    reason = str(metadata.get(REASON, ""))
    code = rpc_error.code()
    if not reason:
        return _unanswered(code, str(rpc_error.details()), doing)
    public = str(rpc_error.details() or "").removeprefix(f"{reason}: ")
    identifier = str(metadata.get(ID, ""))
    raw = metadata.get(HINT, b"")
    hint = raw.decode(errors="replace") if isinstance(raw, bytes) else ""
    return typed_error(code, reason, public.removesuffix(f" (id {identifier})"), hint=hint, id=identifier)


def typed_error(code: grpc.StatusCode, reason: str, public: str, *, hint: str, id: str) -> ExchangeError:  # noqa: A002 - as errors call it
    """The error of that reason, or of the status' family where this version does not know the reason."""
    kind = next((found for found in _tree(ExchangeError) if found.reason == reason), _family(reason, code))
    return kind(public, hint=hint or _NEXT.get(reason, ""), reason=reason, id=id)


def _unanswered(code: grpc.StatusCode, details: str, doing: str) -> ExchangeError:
    kind = _BY_CODE.get(code, ExchangeError)
    cause = why(details) if code is grpc.StatusCode.UNAVAILABLE else None
    if cause is not None:
        return kind(f"{doing} failed: {cause.text}", hint=cause.hint, detail=details)
    text = code.name.lower().replace("_", " ")
    return kind(f"{doing} failed: {text}", hint=_HINTS.get(code, ""), detail=details)


def _family(reason: str, code: grpc.StatusCode) -> type[ExchangeError]:
    if reason.startswith("ticket-"):
        return errors.TicketRefused
    return _BY_CODE.get(code, ExchangeError)


_HINTS = {
    grpc.StatusCode.UNAVAILABLE: "check the address, that it runs, and that both certificates are valid",
    grpc.StatusCode.DEADLINE_EXCEEDED: "the other side did not answer in time; try again later",
    grpc.StatusCode.RESOURCE_EXHAUSTED: "ask for less at once, or later",
}

_NEXT = {
    "not-granted": "the catalogue shows what is granted to you, and for which purposes",
    "connector-unavailable": "try again later; if it lasts, tell the department that owns the dataset",
    "source-failed": "tell the department that owns the dataset; its log has the cause",
}
"""Said on the caller's own side, because a refusal carries nothing but its reason and its id (T56)."""
