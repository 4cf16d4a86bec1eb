"""One ticket, redeemed once (9): batches as they arrive, and an end only where everything arrived.

for each message:  not FlightData or Arrow, over a limit      -> StreamBroken, StreamMismatch
                   a batch                                    -> hashed, checked in full, yielded
                   the trailer                                -> verified; nothing may follow
the connection ends:  with a verified trailer                 -> complete
                      without                                 -> StreamBroken
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pyarrow as pa

from exchange.client import endpoints
from exchange.client.guard import Guard
from exchange.client.report import Report
from exchange.client.session import Session
from exchange.client.tally import Tally
from exchange.client.trailer import read_trailer, settle, verify_trailer
from exchange.errors import ConnectorUnavailable, ExchangeError, StreamBroken, StreamMismatch
from exchange.model.receipt import Outcome, Receipt
from exchange.model.request import ReadRequest
from exchange.wire import flight
from exchange.wire.asking import Grant
from exchange.wire.fetching import do_get, is_answer
from exchange.wire.status import error_of

Finish = Callable[[Report], None]


class Stream:
    """What one grant delivers.

    Args:
        session: the client's connections.
        request: what was asked.
        grant: the broker's yes to it.
        finish: called exactly once, whatever happens, with the consumer's account (step 10).

    Attributes:
        grant: as given.
        schema: of the stream; None until its first message came.
        end: the connector's signed account; None unless its trailer was verified.
    """

    def __init__(self, session: Session, request: ReadRequest, grant: Grant, finish: Finish) -> None:
        self.grant = grant
        self.schema: pa.Schema | None = None
        self.end: Receipt | None = None
        self._session = session
        self._request = request
        self._finish = finish
        self._department = request.dataset.partition(".")[0]
        self._guard = Guard(grant.columns, request.row_limit, session.settings.limits)
        self._tally = Tally()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The record batches, lazily; what was yielded before an error is provisional.

        Leaving the iteration cancels the call; the account then says "aborted".

        Raises:
            StreamBroken: the stream ended without its trailer, or is not Arrow.
            StreamMismatch: it is not what was granted, or its trailer does not agree with what arrived.
            ExchangeError: what the connector answered, typed.
        """
        outcome, reason, call = Outcome.FAILED, "client-failed", None
        try:
            call = self._redeem()
            yield from self._receive(call)
            outcome, reason = Outcome.COMPLETE, ""
        except (GeneratorExit, KeyboardInterrupt):
            outcome, reason = Outcome.ABORTED, ""
            raise
        except ExchangeError as error:
            outcome, reason = _verdict(error), error.stable_reason
            error.id = error.id or self.grant.id
            raise
        finally:
            if call is not None:
                call.cancel()
            self._finish(self._report(outcome, reason))

    def _redeem(self) -> Any:
        limits = self._session.settings.limits
        target = endpoints.choose(self.grant.offers, self._department, limits.allowed_hosts)
        opened = self._session.connector(target, self._department)
        return do_get(opened, self.grant.ticket, timeout_s=limits.stream_s)

    def _receive(self, call: Any) -> Iterator[pa.RecordBatch]:
        messages = _messages(call)
        first = next(messages, None)
        if first is None:
            raise StreamBroken("the stream ended before it began")
        self.schema = self._guard.schema(first)
        for data in messages:
            outside = self._guard.admit(data)
            if len(data.app_metadata):
                self._close(data, outside.rows)
                break
            self._tally.add(data, outside.rows)
            yield self._guard.decode(data, outside, self.schema)
        else:
            raise StreamBroken(
                "the stream ended without its trailer", hint="ask again; nothing of it is whole"
            )
        if _goes_on(call):
            raise StreamMismatch("the stream went on after its trailer")

    def _close(self, data: flight.Data, rows: int) -> None:
        if rows:
            raise StreamMismatch("the stream's trailer carries rows")
        receipt = read_trailer(data.app_metadata)
        end = verify_trailer(
            receipt,
            self._session.trust,
            at_us=self._session.clock.now_us(),
            ticket=self.grant.id,
            department=self._department,
        )
        self.end = receipt
        settle(end, self._tally)

    def _report(self, outcome: Outcome, reason: str) -> Report:
        return Report(
            id=self.grant.id,
            dataset=self._request.dataset,
            rows=self._tally.rows,
            bytes=self._tally.bytes,
            batches=self._tally.batches,
            digest=self._tally.digest,
            revision=self.grant.revision,
            audit_index=self.grant.audit_index,
            outcome=outcome,
            reason=reason,
        )


def _messages(call: Any) -> Iterator[flight.Data]:
    started = False
    try:
        for message in call:
            started = True
            yield flight.decode(message)
    except grpc.RpcError as error:
        raise _lost(error, started=started) from None


def _goes_on(call: Any) -> bool:
    try:
        return next(call, None) is not None
    except grpc.RpcError:
        return False  # safe: the verified trailer has already proven that everything is here


def _lost(error: grpc.RpcError, *, started: bool) -> ExchangeError:
    typed = error_of(error, doing="reading from the connector")
    if is_answer(error):
        return typed
    detail = str(error.details())
    match error.code():
        case grpc.StatusCode.RESOURCE_EXHAUSTED:
            return StreamMismatch(
                "the connector sent a message that is larger than this client accepts",
                hint="`limits.batch_bytes_max` bounds it",
                detail=detail,
            )
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return StreamBroken("the read took longer than `limits.stream_s`", detail=detail)
        case grpc.StatusCode.UNAVAILABLE if not started:
            return ConnectorUnavailable(
                "the dataset's connector cannot be reached", hint="try again later", detail=detail
            )
        case _:
            return StreamBroken(
                "the connection to the connector was lost before the end", hint="ask again", detail=detail
            )


def _verdict(error: ExchangeError) -> Outcome:
    broken = isinstance(error, StreamBroken) and not isinstance(error, StreamMismatch)
    return Outcome.CUT if broken else Outcome.FAILED
