"""Step 8: the masks of `exchange.model.obligation` over whole columns.

A mask is defined on every value of the types it fits and never raises on one; where the exact result cannot
be held by the column's type, the result is null. Null stays null. Inputs are plain columns (see `layout`).
"""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from exchange.connector.enforce.moment import truncate
from exchange.connector.enforce.pseudonym import Pseudonymiser
from exchange.connector.enforce.step import DECIMAL_DIGITS_MAX, round_down
from exchange.errors import SourceFailed
from exchange.model.dataset import family
from exchange.model.obligation import Mask, Nullify, Partial, Pseudonym, Redact, Round, Truncate, fits

Masking = Callable[[pa.Array], pa.Array]


def masked_type(mask: Mask | None, raw: pa.DataType) -> pa.DataType:
    """The plain type of a column once masked.

    Raises:
        SourceFailed: the mask is not defined on this type; the column is not delivered unmasked instead.
    """
    if mask is None:
        return raw
    odd = pa.types.is_decimal(raw) and (raw.precision > DECIMAL_DIGITS_MAX or raw.scale < 0)
    if not fits(mask, family(str(raw))) or (isinstance(mask, Round) and odd):
        raise SourceFailed(
            "the policy masks a column in a way its type does not allow", detail=f"{mask.kind} on {raw}"
        )
    return pa.string() if isinstance(mask, Redact | Pseudonym) else raw


def masking(mask: Mask, column: str, key: bytes) -> Masking:
    """The mask as a function over one column's arrays, for the life of one stream.

    Args:
        mask: one that fits the column (`masked_type`).
        column: the column's name, part of what a pseudonym stands for.
        key: the department's master key for pseudonyms; read only by `Pseudonym`.
    """
    match mask:
        case Nullify():
            return lambda values: pa.nulls(len(values), values.type)
        case Redact(text=text):
            return lambda values: pc.if_else(pc.is_valid(values), text, pa.scalar(None, pa.string()))
        case Pseudonym(scope=scope):
            return Pseudonymiser(key, scope, column)
        case Partial(first=first, last=last):
            return lambda values: star(values, first, last)
        case Truncate(unit=unit):
            return lambda values: truncate(values, unit)
        case Round(step=step):
            return lambda values: round_down(values, step)


def star(values: pa.Array, first: int, last: int) -> pa.Array:
    """Text with all but its first and last characters (code points) starred."""
    length = pc.utf8_length(values)
    long_enough = pc.greater(length, first + last)
    shown = pc.if_else(long_enough, pc.subtract(length, first + last), length)
    stars = pc.binary_repeat(pa.scalar("*", values.type), shown)
    parts = [stars]
    empty = pa.scalar("", values.type)
    if first:
        parts.insert(0, pc.if_else(long_enough, pc.utf8_slice_codeunits(values, 0, first), empty))
    if last:
        parts.append(pc.if_else(long_enough, pc.utf8_slice_codeunits(values, -last), empty))
    return pc.binary_join_element_wise(*parts, empty) if len(parts) > 1 else stars
