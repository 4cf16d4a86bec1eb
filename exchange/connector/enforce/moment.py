"""Dates and timestamps cut down to the beginning of their hour, day, month or year, in UTC."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pyarrow.compute as pc

_DAY_S = 86_400
_FIRST_DAY = (dt.date.min - dt.date(1970, 1, 1)).days
_END_DAY = (dt.date.max - dt.date(1970, 1, 1)).days + 1
_PER_SECOND = {"s": 1, "ms": 1000, "us": 1_000_000, "ns": 1_000_000_000}
_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1
# The last beginning of a year that fits the nanosecond clock of 64 bits, whose zero hour lies in 1677.
_FIRST_DAY_NS = (dt.date(1678, 1, 1) - dt.date(1970, 1, 1)).days


def truncate(values: pa.Array, unit: str) -> pa.Array:
    """The beginning of the hour, day, month or year that each value lies in.

    A zoned timestamp is cut in UTC: its zone is only how it is shown. Values outside the years 1 to 9999,
    where the calendar kernels overflow, become null.

    Args:
        values: date32, date64 or timestamp of any unit.
        unit: hour, day, month or year; on a date, hour is day.
    """
    kind = values.type
    if pa.types.is_date32(kind):
        return _cut_days(values.view(pa.int32()), unit).view(kind)
    if pa.types.is_date64(kind):
        # A date64 should be whole days but need not be: hour must not let a time of day through.
        return _cut(values.view(pa.int64()), "day" if unit == "hour" else unit, "ms").view(kind)
    return _cut(values.view(pa.int64()), unit, kind.unit).view(kind)


def _cut(ticks: pa.Array, unit: str, resolution: str) -> pa.Array:
    first = _FIRST_DAY_NS if resolution == "ns" else _FIRST_DAY
    per_day = _DAY_S * _PER_SECOND[resolution]
    known = _within(ticks, max(first * per_day, _INT64_MIN), min(_END_DAY * per_day - 1, _INT64_MAX))
    return pc.floor_temporal(known.view(pa.timestamp(resolution)), unit=unit).view(pa.int64())


def _cut_days(days: pa.Array, unit: str) -> pa.Array:
    known = _within(days, _FIRST_DAY, _END_DAY - 1)
    if unit in {"hour", "day"}:
        return known
    return pc.floor_temporal(known.view(pa.date32()), unit=unit).view(pa.int32())


def _within(ticks: pa.Array, low: int, high: int) -> pa.Array:
    """The ticks, null where they lie outside."""
    ends = pc.min_max(ticks).as_py()
    if ends["min"] is None or (ends["min"] >= low and ends["max"] <= high):
        return ticks
    inside = pc.and_(pc.greater_equal(ticks, low), pc.less_equal(ticks, high))
    return pc.if_else(inside, ticks, pa.scalar(None, ticks.type))
