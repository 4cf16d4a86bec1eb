"""How one answer differs from another: what was gained, what was lost, and what cannot be told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from exchange.model.obligation import Mask, Obligations, RateWindow
from exchange.policy.questions.implication import implies
from exchange.policy.questions.masks import hides_as_much
from exchange.policy.questions.matrix import Answer
from exchange.policy.questions.wording import mask_words, rows_words, window_words


class Way(StrEnum):
    """Wider shows more, narrower less; changed is neither for sure, and counts as wider where it matters."""

    WIDER = "wider"
    NARROWER = "narrower"
    CHANGED = "changed"


class Part(StrEnum):
    """Which part of an answer differs."""

    ACCESS = "access"
    COLUMN = "column"
    MASK = "mask"
    ROWS = "rows"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference.

    Attributes:
        part: of the answer.
        way: towards more, towards less, or not comparable.
        column: whose, for columns and masks; "" otherwise.
        before, after: in words.
    """

    part: Part
    way: Way
    column: str
    before: str
    after: str


def difference(old: Answer, new: Answer) -> tuple[Change, ...]:
    """Every difference between two answers to one question; none if both refuse, whatever the reasons."""
    if old.obligations is None and new.obligations is None:
        return ()
    if old.obligations is None:
        return (Change(Part.ACCESS, Way.WIDER, "", f"refused ({old.reason})", "allowed"),)
    if new.obligations is None:
        return (Change(Part.ACCESS, Way.NARROWER, "", "allowed", f"refused ({new.reason})"),)
    if old.obligations == new.obligations:
        return ()
    return (
        *_columns(old.obligations, new.obligations),
        *_rows(old.obligations, new.obligations),
        *_row_limit(old.obligations, new.obligations),
        *_windows(old.obligations, new.obligations),
    )


def widens(changes: tuple[Change, ...]) -> bool:
    """Whether more may be seen, or it cannot be ruled out."""
    return any(change.way is not Way.NARROWER for change in changes)


def _columns(old: Obligations, new: Obligations) -> Iterator[Change]:
    before = {rule.name: rule.mask for rule in old.columns}
    after = {rule.name: rule.mask for rule in new.columns}
    for name in dict.fromkeys((*before, *after)):
        if name not in before:
            yield Change(Part.COLUMN, Way.WIDER, name, "withheld", mask_words(after[name]))
        elif name not in after:
            yield Change(Part.COLUMN, Way.NARROWER, name, mask_words(before[name]), "withheld")
        elif before[name] != after[name]:
            yield from _mask(name, before[name], after[name])


def _mask(name: str, before: Mask | None, after: Mask | None) -> Iterator[Change]:
    wider, narrower = hides_as_much(before, after), hides_as_much(after, before)
    if not (wider and narrower):  # another constant text hides the same
        way = _way(wider=wider, narrower=narrower)
        yield Change(Part.MASK, way, name, mask_words(before), mask_words(after))


def _rows(old: Obligations, new: Obligations) -> Iterator[Change]:
    before, after = old.row_filter, new.row_filter
    if before == after:
        return
    wider, narrower = implies(before, after), implies(after, before)
    if not (wider and narrower):
        yield Change(
            Part.ROWS, _way(wider=wider, narrower=narrower), "", rows_words(before), rows_words(after)
        )


def _row_limit(old: Obligations, new: Obligations) -> Iterator[Change]:
    before, after = old.row_limit, new.row_limit
    if before == after:
        return
    wider = after is None or (before is not None and after > before)
    words = [f"{limit:,} rows" if limit is not None else "no row limit" for limit in (before, after)]
    yield Change(Part.LIMIT, Way.WIDER if wider else Way.NARROWER, "", *words)


def _windows(old: Obligations, new: Obligations) -> Iterator[Change]:
    if set(old.windows) == set(new.windows):
        return
    narrower, wider = _cover(new.windows, old.windows), _cover(old.windows, new.windows)
    if narrower and wider:
        return
    words = [", ".join(map(window_words, sorted(one.windows, key=str))) or "no window" for one in (old, new)]
    yield Change(Part.LIMIT, _way(wider=wider, narrower=narrower), "", *words)


def _cover(strict: tuple[RateWindow, ...], loose: tuple[RateWindow, ...]) -> bool:
    """Whether whoever keeps to the first windows keeps to the second: no more rows in no less time."""
    return all(
        any(mine.rows_max <= other.rows_max and mine.seconds >= other.seconds for mine in strict)
        for other in loose
    )


def _way(*, wider: bool, narrower: bool) -> Way:
    """From what was shown: the new shows at least what the old did, the old at least what the new does."""
    if wider == narrower:
        return Way.CHANGED
    return Way.WIDER if wider else Way.NARROWER
