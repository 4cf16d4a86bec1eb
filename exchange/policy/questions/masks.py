"""Whether one mask hides at least what another hides: by information, not by the order in which masks win."""

from __future__ import annotations

from exchange.model.obligation import Mask, Nullify, Partial, Redact, Round, Truncate

_UNITS = ("hour", "day", "month", "year")


def hides_as_much(a: Mask | None, b: Mask | None) -> bool:
    """Whether what `a` shows could be computed from what `b` shows; None shows everything.

    Masks of different kinds hide different things, null and redact excepted: such a change is neither.
    """
    if b is None or a == b or isinstance(a, Nullify):
        return True
    if a is None or isinstance(b, Nullify):
        return False
    if isinstance(a, Redact):
        # only whether there is a value at all, which every mask but null shows
        return True
    return _same_kind(a, b)


def _same_kind(a: Mask, b: Mask) -> bool:
    if isinstance(a, Truncate) and isinstance(b, Truncate):
        return _UNITS.index(a.unit) >= _UNITS.index(b.unit)
    if isinstance(a, Round) and isinstance(b, Round):
        return a.step % b.step == 0
    # Short text is starred whole: keeping fewer characters can show text that was hidden before.
    return isinstance(a, Partial) and isinstance(b, Partial) and a.first == a.last == 0
