"""Where a literal stands among the values a column can hold, exactly.

Integers, decimals, dates and timestamps are whole steps on a line with two ends; a literal may fall between
two steps or beyond an end. Comparing through floor and ceiling instead of casting the literal keeps the
comparison exact and free of errors: `tiny < 300` on an int8 column is true for every value, not an overflow
(T49).
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from typing import Literal

import pyarrow as pa

Op = Literal["=", "<>", "<", "<=", ">", ">="]

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_EPOCH_DAY = _EPOCH.date()
_PER_SECOND = {"s": 1, "ms": 1000, "us": 1_000_000, "ns": 1_000_000_000}
_INT64 = pa.int64()


@dataclass(frozen=True)
class Verdict:
    """The same answer for every value that is not null."""

    value: bool


@dataclass(frozen=True)
class Step:
    """A comparison with one value the column can hold."""

    op: Op
    value: pa.Scalar


@dataclass(frozen=True)
class Grid:
    """The steps a column's values can take.

    Attributes:
        low: the lowest step.
        high: the highest step.
        scalar: the Arrow scalar that stands at a step.
    """

    low: int
    high: int
    scalar: Callable[[int], pa.Scalar]

    def resolve(self, op: Op, at: Fraction) -> Verdict | Step:
        """The comparison `value op at`, as one between steps."""
        if op in {"=", "<>"}:
            reachable = at.denominator == 1 and self.low <= at <= self.high
            return Step(op, self.scalar(int(at))) if reachable else Verdict(op == "<>")
        if op in {"<", ">="}:
            return self._below(math.ceil(at), negate=op == ">=")
        return self._below(math.floor(at) + 1, negate=op == ">")

    def _below(self, step: int, *, negate: bool) -> Verdict | Step:
        """`value < step`, or its opposite."""
        if step <= self.low:
            return Verdict(negate)
        if step > self.high:
            return Verdict(not negate)
        return Step(">=" if negate else "<", self.scalar(step))


def of_integers(type_: pa.DataType) -> Grid:
    """The grid of an integer type."""
    bits = type_.bit_width
    low, high = (
        (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if pa.types.is_signed_integer(type_) else (0, 2**bits - 1)
    )
    return Grid(low, high, lambda step: pa.scalar(step, type_))


def of_decimals(type_: pa.DataType) -> Grid:
    """The grid of a decimal type: steps of 10**-scale."""
    end = 10**type_.precision - 1
    exact = Context(prec=100)
    return Grid(-end, end, lambda step: pa.scalar(Decimal(step).scaleb(-type_.scale, exact), type_))


def of_ticks(bits: int) -> Grid:
    """The grid of a date or timestamp read as the integer it is stored as."""
    integer = pa.int32() if bits == 32 else _INT64  # noqa: PLR2004  # date32 is the only narrow one
    return of_integers(integer)


def number_at(value: float, scale: int) -> Fraction:
    """A number literal in steps of 10**-scale; a float counts as the decimal text a person wrote."""
    return Fraction(Decimal(repr(value))) * Fraction(10) ** scale


def date_at(text: str, type_: pa.DataType) -> Fraction:
    """An ISO date in the ticks of a date type: days (date32) or milliseconds (date64)."""
    days = (dt.date.fromisoformat(text) - _EPOCH_DAY).days
    return Fraction(days if pa.types.is_date32(type_) else days * 86_400_000)


def timestamp_at(text: str, unit: str) -> Fraction:
    """An ISO timestamp in ticks since 1970 UTC; one without an offset is UTC."""
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return Fraction((moment - _EPOCH) // dt.timedelta(microseconds=1) * _PER_SECOND[unit], 1_000_000)
