"""Steps 7 to 9: scan, enforce, stream, and end with a trailer that vouches for all of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import grpc
import pyarrow as pa

from exchange.connector.admitted import Admitted
from exchange.connector.enforce.govern import govern, governed_schema, plan
from exchange.connector.records.ledger import Ledger
from exchange.connector.source import Source
from exchange.connector.streaming.delivery import Delivery
from exchange.connector.streaming.limits import Slot
from exchange.connector.streaming.prefetch import Prefetch
from exchange.connector.streaming.watch import Guard, Watchdog
from exchange.errors import ExchangeError, PredicateInvalid, SourceFailed, Unavailable
from exchange.model.canonical import canonical
from exchange.model.receipt import Outcome, Receipt
from exchange.wire.flight import Data, encode, ipc_parts


@dataclass(frozen=True)
class Delivering:
    """What every stream of a connector needs.

    Attributes:
        source: the department's store.
        ledger: where START and END stand.
        watchdog: ends what does not end by itself.
        pseudonym_key: of this department; never leaves it.
        batch_rows_max: rows of one batch.
    """

    source: Source
    ledger: Ledger
    watchdog: Watchdog
    pseudonym_key: bytes
    batch_rows_max: int


def deliver(
    admitted: Admitted, parts: Delivering, slot: Slot, context: grpc.ServicerContext
) -> Iterator[bytes]:
    """The FlightData messages of an admitted ticket: schema, governed batches, closing batch with END.

    Whatever happens, the ticket gets exactly one END, and a stream that is not complete has no closing batch
    and a status that is not OK, so it cannot be taken for a short one.

    Raises:
        ExchangeError: why it ended early; its status is clean (T55).
    """
    delivery = Delivery(admitted, parts.ledger)
    with parts.watchdog.watching(context, delivery, admitted) as guard:
        try:
            yield from _offered(_messages(admitted, parts, slot, delivery, guard), guard)
        except GeneratorExit:
            _end(delivery, Outcome.ABORTED, "consumer-gone")
            raise
        except ExchangeError as error:
            _end(delivery, Outcome.FAILED, error.stable_reason)
            raise
        except BaseException:
            _end(delivery, Outcome.FAILED, "internal")
            raise


def _offered(messages: Iterator[bytes], guard: Guard) -> Iterator[bytes]:
    """Tell the guard while a message is with the transport: only then is it the consumer we wait for."""
    for message in messages:
        guard.offer()
        yield message
        guard.taken()


def _messages(
    admitted: Admitted, parts: Delivering, slot: Slot, delivery: Delivery, guard: Guard
) -> Iterator[bytes]:
    obligations = admitted.ticket.obligations
    schema = governed_schema(obligations, admitted.table.schema)
    yield encode(ipc_parts(schema.serialize()))
    slot.hold()
    pieces = Prefetch(lambda: _governed(admitted, parts), slot.release)
    delivery.when_stopped(pieces.close)
    try:
        for data, rows in pieces:
            guard.check_time()
            delivery.count(data, rows)
            yield encode(data)
    finally:
        pieces.close()
    # A scan that was cut short is not complete, however quietly it ended.
    delivery.check_not_stopped()
    limited = obligations.row_limit is not None and delivery.rows >= obligations.row_limit
    # (9) END is durable before the consumer can see that the stream is whole.
    receipt = delivery.complete("row-limit" if limited else "")
    yield _closing(schema, receipt)


def _governed(admitted: Admitted, parts: Delivering) -> Iterator[tuple[Data, int]]:
    """(7), (8) What may leave, as messages with their row counts; all of it in the scan's own thread."""
    ticket, table = admitted.ticket, admitted.table
    scan = plan(ticket.obligations, ticket.where, table.schema)
    rows_max = min(scan.batch_rows, parts.batch_rows_max)
    try:
        with parts.source.scan(table.name, scan.columns, scan.hint, rows_max) as raw:
            for batch in govern(raw, ticket.obligations, ticket.where, table.schema, parts.pseudonym_key):
                yield ipc_parts(batch.serialize()), batch.num_rows
    except (SourceFailed, PredicateInvalid):
        raise
    # Whatever else a plug-in raises, a ConfigError with a path in it too, is for the operator only (T55).
    except Exception as error:
        raise SourceFailed("the department's source failed", detail=repr(error)) from error


def _closing(schema: pa.Schema, receipt: Receipt) -> bytes:
    nothing = pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)
    data = ipc_parts(nothing.serialize())
    trailer = canonical(receipt.model_dump(mode="json"))
    return encode(Data(header=data.header, body=data.body, app_metadata=trailer))


def _end(delivery: Delivery, outcome: Outcome, reason: str) -> None:
    try:
        delivery.end(outcome, reason)
    except Unavailable:
        # Logged and tried again by the ledger; the consumer has no trailer in any case.
        return
