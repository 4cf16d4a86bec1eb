"""Obligations in words and as JSON: how every question tells them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from exchange.model.obligation import Mask, Obligations, Pseudonym, RateWindow
from exchange.model.predicate import Predicate
from exchange.model.predicate_sql import render


def mask_words(mask: Mask | None) -> str:
    """The mask and its settings, `round (step 5)`; "plain" for none."""
    if mask is None:
        return "plain"
    if isinstance(mask, Pseudonym):
        kind, _, rest = mask.scope.partition(":")
        shared = f"shared by all who read for {rest}" if kind == "purpose" else "each department another"
        return f"pseudonym ({shared})"
    details = ", ".join(f"{key} {value}" for key, value in mask.model_dump(exclude={"kind"}).items())
    return f"{mask.kind}{f' ({details})' if details else ''}"


def rows_words(predicate: Predicate | None) -> str:
    """The row filter as SQL; "all rows" for none."""
    return "all rows" if predicate is None else render(predicate)


def window_words(window: RateWindow) -> str:
    """The rate window."""
    return f"{window.rows_max:,} rows in {window.seconds:,} s"


def limits(obligations: Obligations) -> Iterator[str]:
    """The row limit and the rate windows, in words."""
    if obligations.row_limit is not None:
        yield f"at most {obligations.row_limit:,} rows"
    yield from (f"at most {window_words(window)}" for window in obligations.windows)


def summary(obligations: Obligations) -> Iterator[str]:
    """A few lines: plain columns, masked ones, rows, limits."""
    plain = [rule.name for rule in obligations.columns if rule.mask is None]
    masked = [rule for rule in obligations.columns if rule.mask is not None]
    if plain:
        yield f"plain   {', '.join(plain)}"
    if masked:
        yield f"masked  {', '.join(f'{rule.name}: {mask_words(rule.mask)}' for rule in masked)}"
    if obligations.row_filter is not None:
        yield f"rows    {rows_words(obligations.row_filter)}"
    yield from (f"limit   {text}" for text in limits(obligations))


def obligations_json(obligations: Obligations) -> dict[str, Any]:
    """As programs read it: columns with their masks, rows as SQL, limits."""
    return {
        "columns": [
            {"name": rule.name, "mask": rule.mask.model_dump() if rule.mask is not None else None}
            for rule in obligations.columns
        ],
        "rows": None if obligations.row_filter is None else render(obligations.row_filter),
        "row_limit": obligations.row_limit,
        "windows": [window.model_dump() for window in obligations.windows],
    }
