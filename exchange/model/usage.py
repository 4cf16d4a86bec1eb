"""Who used a department's data: the question, and the lines that answer it."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from exchange.model.base import Frozen


class Dimension(StrEnum):
    """What lines are told apart by; a day is one of UTC."""

    DATASET = "dataset"
    CONSUMER = "consumer"
    PURPOSE = "purpose"
    DAY = "day"


MOMENT_US_MAX = 253_402_300_800_000_000  # the year 10000
USUAL = (Dimension.DATASET, Dimension.CONSUMER, Dimension.PURPOSE)


class UsageQuestion(Frozen):
    """What is asked.

    Attributes:
        dataset: one of the department's own; "" for all of them.
        since_us: unix microseconds, included; until_us: excluded. None for no bound.
        by: what lines are told apart by, each once.
    """

    dataset: str = Field(default="", max_length=256)
    since_us: int | None = Field(default=None, ge=0, le=MOMENT_US_MAX)
    until_us: int | None = Field(default=None, ge=0, le=MOMENT_US_MAX)
    by: tuple[Dimension, ...] = Field(default=USUAL, min_length=1, max_length=len(Dimension))


class UsageLine(Frozen):
    """What was asked and delivered under one combination of the dimensions; "" where one was not asked for.

    Attributes:
        dataset: dataset id; consumer: SPIFFE id; purpose; day: YYYY-MM-DD.
        granted, refused: decisions.
        complete, broken: streams that ended complete, and those that ended otherwise.
        rows, bytes: delivered in both, as the connector signed at the stream's end.
        first_us, last_us: the first and the last of these events, unix microseconds.
    """

    dataset: str = ""
    consumer: str = ""
    purpose: str = ""
    day: str = ""
    granted: int = 0
    refused: int = 0
    complete: int = 0
    broken: int = 0
    rows: int = 0
    bytes: int = 0
    first_us: int
    last_us: int


class Usage(Frozen):
    """The answer.

    Attributes:
        lines: the largest first.
        truncated: there are more than fit an answer.
        records: the answer stands on the log's records [0, records).
    """

    lines: tuple[UsageLine, ...]
    truncated: bool
    records: int
