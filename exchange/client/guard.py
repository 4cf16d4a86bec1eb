"""The limits a client holds against a hostile connector (T65), each checked before the cost arises."""

from __future__ import annotations

import pyarrow as pa

from exchange.client.settings import Limits
from exchange.errors import StreamMismatch
from exchange.model.dataset import Column
from exchange.wire import envelope, flight
from exchange.wire.envelope import Envelope
from exchange.wire.flight import Data


class Guard:
    """Watches one stream.

    Args:
        columns: what the broker promised.
        rows_max: rows that were asked for; None for no limit of the request's own.
        limits: of this client.
    """

    def __init__(self, columns: tuple[Column, ...], rows_max: int | None, limits: Limits) -> None:
        self._promised = [(column.name, column.type) for column in columns]
        self._rows_max = min((n for n in (rows_max, limits.rows_max) if n is not None), default=None)
        self._limits = limits
        self._rows = 0
        self._empty = 0

    def schema(self, data: Data) -> pa.Schema:
        """The schema of the first message.

        Raises:
            StreamMismatch: it is not the schema that was promised, or carries metadata.
            StreamBroken: it is not Arrow.
        """
        if envelope.inspect(data.header).kind != envelope.SCHEMA:
            raise StreamMismatch("the stream does not begin with its schema")
        schema = flight.read_schema(data)
        if len(schema) > self._limits.columns_max:
            raise StreamMismatch(f"the stream has more than {self._limits.columns_max} columns")
        if [(field.name, str(field.type)) for field in schema] != self._promised:
            raise StreamMismatch("the stream's columns are not those that the broker promised")
        if schema.metadata or any(field.metadata for field in schema):
            raise StreamMismatch("the stream's schema carries metadata that nobody promised")
        return schema

    def admit(self, data: Data) -> Envelope:
        """What the message says of itself, if it may be decoded.

        Raises:
            StreamMismatch: not a plain record batch, or more than was asked for or is accepted.
            StreamBroken: it is not Arrow.
        """
        outside = envelope.inspect(data.header)
        if outside.kind != envelope.RECORD_BATCH or outside.body_bytes != len(data.body):
            raise StreamMismatch("the connector sent something else than a record batch")
        if outside.compressed:
            # A few bytes can unpack to any number; the exchange's connectors never compress.
            raise StreamMismatch("the connector sent a compressed batch")
        self._count(outside.rows)
        return outside

    def decode(self, data: Data, outside: Envelope, schema: pa.Schema) -> pa.RecordBatch:
        """The batch of an admitted message, checked in full.

        Raises:
            StreamBroken: offsets, lengths or values that cannot be.
            StreamMismatch: it holds more than was sent: columns that share their bytes.
        """
        batch = flight.read_batch(data, schema)
        if batch.num_rows != outside.rows or batch.nbytes > len(data.body):
            raise StreamMismatch("the connector sent a batch that is larger than its bytes")
        return batch

    def _count(self, rows: int) -> None:
        limits = self._limits
        if not 0 <= rows <= limits.batch_rows_max:
            raise StreamMismatch(f"the connector sent a batch of more than {limits.batch_rows_max} rows")
        self._rows += rows
        if self._rows_max is not None and self._rows > self._rows_max:
            raise StreamMismatch(f"the connector sent more than {self._rows_max} rows")
        self._empty = 0 if rows else self._empty + 1
        if self._empty > limits.empty_batches_max:
            raise StreamMismatch(
                f"the connector sent more than {limits.empty_batches_max} empty batches in a row"
            )
