"""What one rule demands of an allowed read: rows, columns, masks, limits. Rules only ever narrow."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from exchange.errors import PredicateInvalid
from exchange.model.base import Frozen
from exchange.model.obligation import Mask, Pseudonym, RateWindow
from exchange.model.predicate import Predicate
from exchange.model.predicate_sql import parse

UNSET_SCOPE = "unset"
"""Stands in a parsed pseudonym until `decide` knows whom it is for; no rule may choose its scope (T54)."""


class Columns(Frozen):
    """Which columns a rule lets through: only those allowed, never those withheld."""

    allow: list[str] | None = Field(default=None, min_length=1)
    withhold: list[str] = Field(default_factory=list)


class Effects(Frozen):
    """What a rule demands; the empty one demands nothing.

    Attributes:
        rows: predicate text; only rows for which it is true.
        columns: which columns.
        mask: mask by column.
        mask_tag: mask by tag, for every column that carries it.
        row_limit: at most so many rows for each ticket.
        windows: rate windows.
    """

    rows: str | None = None
    columns: Columns = Columns()
    mask: dict[str, Mask] = Field(default_factory=dict)
    mask_tag: dict[str, Mask] = Field(default_factory=dict)
    row_limit: int | None = Field(default=None, ge=1)
    windows: list[RateWindow] = Field(default_factory=list, max_length=8)

    @field_validator("mask", "mask_tag", mode="before")
    @classmethod
    def _scopes(cls, masks: Any) -> Any:
        return {name: scoped(mask) for name, mask in masks.items()} if isinstance(masks, dict) else masks

    @field_validator("rows")
    @classmethod
    def _parses(cls, rows: str | None) -> str | None:
        if rows is not None:
            try:
                parse(rows)
            except PredicateInvalid as error:
                raise ValueError(error.public) from None
        return rows

    @property
    def row_filter(self) -> Predicate | None:
        """The predicate that `rows` means."""
        return None if self.rows is None else parse(self.rows)

    def named_columns(self) -> frozenset[str]:
        """Every column that the rule names outside its predicate."""
        return frozenset((*(self.columns.allow or ()), *self.columns.withhold, *self.mask))


def scoped(mask: Any) -> Any:
    """A mask as a steward writes it, made ready to parse: pseudonyms get their placeholder scope.

    Raises:
        ValueError: the steward chose a scope.
    """
    if not isinstance(mask, dict) or mask.get("kind") != "pseudonym":
        return mask
    if "scope" in mask:
        raise ValueError(
            "the scope of a pseudonym follows from who reads and for which purpose; leave it out"
        )
    return {**mask, "scope": UNSET_SCOPE}


def rescoped(mask: Mask | None, scope: str) -> Mask | None:
    """The mask, a pseudonym now bound to whom it is for."""
    return Pseudonym(scope=scope) if isinstance(mask, Pseudonym) else mask
