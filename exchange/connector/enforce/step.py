"""Numbers rounded down (towards minus infinity) to a multiple of a step."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

DECIMAL_DIGITS_MAX = 38
_WIDE = 76


def round_down(values: pa.Array, step: int) -> pa.Array:
    """The highest multiple of `step` that is not above each value.

    Where the multiple does not fit the type (the lowest integers), and for NaN and infinities, the result
    is null. For a float the result depends on nothing but `floor(value / step)`, so it says no more than
    that.

    Args:
        values: integers, floats, or decimals of at most DECIMAL_DIGITS_MAX digits and no negative scale.
        step: at least 1, at most 10**15.
    """
    kind = values.type
    if pa.types.is_floating(kind):
        return _finite(_floats(_finite(values.cast(pa.float64())), float(step)).cast(kind, safe=False))
    if pa.types.is_decimal(kind):
        return _decimals(values, step)
    if pa.types.is_unsigned_integer(kind):
        return _unsigned(values.cast(pa.uint64()), step).cast(kind)
    return _signed(values.cast(pa.int64()), step, kind)


def _unsigned(values: pa.Array, step: int) -> pa.Array:
    by = pa.scalar(step, pa.uint64())
    return pc.multiply(pc.divide(values, by), by)


def _signed(values: pa.Array, step: int, kind: pa.DataType) -> pa.Array:
    by = pa.scalar(step, pa.int64())
    towards_zero = pc.multiply(pc.divide(values, by), by)
    below = pc.subtract(towards_zero, by)
    floor = pc.if_else(pc.greater(towards_zero, values), below, towards_zero)
    low = -(2 ** (kind.bit_width - 1))
    # `below` may have wrapped around at the lowest int64, and may not fit a narrower type.
    fits = pc.and_(pc.less_equal(floor, values), pc.greater_equal(floor, low))
    return pc.if_else(fits, floor, pa.scalar(None, pa.int64())).cast(kind)


def _floats(values: pa.Array, step: float) -> pa.Array:
    multiple = pc.multiply(pc.floor(pc.divide(values, step)), step)
    # The division may round up to the next whole number.
    floor = pc.if_else(pc.greater(multiple, values), pc.subtract(multiple, step), multiple)
    return pc.add(floor, 0.0)  # -0.0 becomes 0.0: the sign of a zero is part of the value


def _finite(values: pa.Array) -> pa.Array:
    return pc.if_else(pc.is_finite(values), values, pa.scalar(None, values.type))


def _decimals(values: pa.Array, step: int) -> pa.Array:
    kind = values.type
    wide = pa.decimal256(_WIDE, kind.scale)
    multiple = pc.round_to_multiple(values.cast(wide), multiple=pa.scalar(step, wide), round_mode="down")
    end = pa.scalar(Decimal(1).scaleb(kind.precision - kind.scale), wide)
    fits = pc.greater(multiple, pc.negate(end))
    return pc.if_else(fits, multiple, pa.scalar(None, wide)).cast(kind)
