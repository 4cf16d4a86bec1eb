"""A question to a dataset, answered anew each time it is looked at."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from exchange.client.access import ask, fitting
from exchange.client.report import Report
from exchange.client.stream import Finish, Stream
from exchange.errors import ConfigError, ExchangeError
from exchange.model.receipt import Receipt
from exchange.model.request import ReadRequest
from exchange.wire import asking
from exchange.wire.asking import Grant

if TYPE_CHECKING:
    import pyarrow as pa

    from exchange.client.postbox import Postbox
    from exchange.client.session import Session

RETRIES_MAX = 10
_PAUSE_S, _PAUSE_S_MAX = 0.2, 5.0
_SPARE_US = 2_000_000
"""A ticket with less time than this left is not worth the way to its connector."""
Granted = Callable[[Grant, ReadRequest], None]
"""Told of each grant; it must not take long."""


class Reading:
    """What `City.read` returns: a question; each look at it is a fresh read with its own ticket and records.

    `for batch in reading` takes constant memory. Batches that came before an error are provisional: only an
    iteration that ends without one delivered everything. `to_arrow` and its like return everything or raise.

    Attributes:
        request: the question.
        id: access id of the latest read; "" before the first.
        report: account of the latest read that ended; None before.
        receipt: the same account as it was signed for the log.
        delivered: whether the broker has recorded that receipt.
    """

    def __init__(
        self,
        session: Session,
        postbox: Postbox,
        request: ReadRequest,
        retries: int,
        *,
        granted: Granted = lambda _grant, _request: None,
    ) -> None:
        self.request = request
        self.id = ""
        self.report: Report | None = None
        self.receipt: Receipt | None = None
        self.delivered = False
        self._session = session
        self._postbox = postbox
        self._granted = granted
        self._retries = max(0, min(retries, RETRIES_MAX))
        self._schema: pa.Schema | None = None
        self._answer: Grant | ExchangeError | None = None

    def answered(self, answer: Grant | ExchangeError) -> None:
        """The broker's answer, asked for beforehand; the next look at this reading uses it up."""
        self._answer = answer

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """The batches as they arrive; leaving early cancels the read and says so in the log.

        Raises:
            AccessRefused, RequestInvalid, Unavailable: the broker's answer, before the first batch.
            TicketRefused, SourceFailed: the connector's.
            StreamBroken, StreamMismatch: what came is not the whole answer.
        """
        stream = self._open(self._ended)
        yield from self._batches(stream)

    @property
    def schema(self) -> pa.Schema:
        """The schema as it will arrive, after masks; the first use may ask the broker (and is recorded)."""
        if self._schema is None:
            limits = self._session.settings.limits
            self._schema = asking.get_schema(self._session.broker, self.request, timeout_s=limits.ask_s)
        return self._schema

    def to_arrow(self) -> pa.Table:
        """Everything, as a pyarrow Table; never a part of it.

        A retry, where `retries` allows one and the error says it can help, asks for a new ticket.

        Raises:
            ExchangeError: as iterating.
        """
        import pyarrow as pa  # noqa: PLC0415 - loaded when first needed

        return self._whole(lambda schema, batches: pa.Table.from_batches(batches, schema))

    def to_pandas(self, **options: Any) -> Any:
        """Everything, as a pandas DataFrame; options are those of `pyarrow.Table.to_pandas`.

        Raises:
            ConfigError: pandas is not installed.
            ExchangeError: as iterating.
        """
        _require("pandas")
        return self.to_arrow().to_pandas(**options)

    def to_polars(self) -> Any:
        """Everything, as a polars DataFrame.

        Raises:
            ConfigError: polars is not installed.
            ExchangeError: as iterating.
        """
        polars = _require("polars")
        return polars.from_arrow(self.to_arrow())

    def __repr__(self) -> str:
        state = f", {self.report.rows:,} rows, {self.report.outcome}" if self.report else ""
        return f"<reading of {self.request.dataset} for {self.request.purpose}{state}>"

    def _open(self, finish: Finish) -> Stream:
        grant = self._ask()  # (1)
        self.id = grant.id
        self._granted(grant, self.request)
        return Stream(self._session, self.request, grant, finish)

    def _ask(self) -> Grant:
        answer, self._answer = self._answer, None
        if isinstance(answer, ExchangeError):
            raise answer
        now_us = self._session.clock.now_us()
        if answer is not None and now_us + _SPARE_US < answer.expires_us:
            return fitting(answer, self.request)
        return ask(self._session, self.request)

    def _batches(self, stream: Stream) -> Iterator[pa.RecordBatch]:
        for batch in stream.batches():  # (9)
            self._schema = stream.schema
            yield batch
        self._schema = stream.schema

    def _whole(self, assemble: Callable[[pa.Schema, list[pa.RecordBatch]], Any]) -> Any:
        for attempt in range(self._retries + 1):
            try:
                stream = self._open(self._ended)
                batches = list(self._batches(stream))
            except ExchangeError as error:
                if not error.retryable or attempt == self._retries:
                    raise
                time.sleep(_pause_s(attempt))
            else:
                return assemble(stream.schema, batches)
        raise AssertionError("unreachable")

    def _ended(self, report: Report) -> None:
        # (10) the account is given even of a read that failed: the log then shows both sides of it
        self.report = report
        self.receipt = self._session.signer.sign(
            report.received(self._session.subject.id, self._session.clock.now_us())
        )
        self.delivered = self._postbox.deliver(report.id, self.receipt)


def _pause_s(attempt: int) -> float:
    """Doubling, with jitter, so that many consumers do not come back at the same moment (F16)."""
    jitter = random.uniform(0.5, 1.0)  # noqa: S311 - not a secret
    pause_s: float = min(_PAUSE_S * 2**attempt, _PAUSE_S_MAX) * jitter
    return pause_s


def _require(name: str) -> Any:
    import importlib  # noqa: PLC0415 - only for the optional parts

    try:
        return importlib.import_module(name)
    except ImportError:
        raise ConfigError(f"{name} is not installed", hint=f"pip install 'exchange[{name}]'") from None
