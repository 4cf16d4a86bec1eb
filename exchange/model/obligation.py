"""What an allowed read must fulfil: which columns, how masked, which rows, how many, how often.

Obligations are a closed, versioned set. An enforcement point that meets one it does not know denies the whole
ticket (T20), which here is simply a parse error: every noun refuses unknown fields and unknown kinds.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field

from exchange.model.base import Frozen
from exchange.model.dataset import Family
from exchange.model.predicate import Predicate

OBLIGATIONS_VERSION = 1


class Nullify(Frozen):
    """Every value becomes null."""

    kind: Literal["null"] = "null"


class Redact(Frozen):
    """Every value that is not null becomes one constant text."""

    kind: Literal["redact"] = "redact"
    text: str = Field(default="***", max_length=64)


class Pseudonym(Frozen):
    """Every value becomes a keyed pseudonym (HMAC-SHA-256, 128 bits, as 32 hex digits).

    `scope` names whom the pseudonyms are comparable for: a department, or a purpose that several share.
    Different scopes yield unrelated pseudonyms (T54). The key never leaves the connector.
    """

    kind: Literal["pseudonym"] = "pseudonym"
    scope: str = Field(min_length=1, max_length=200)


class Partial(Frozen):
    """Text keeps its first and last characters; what lies between becomes `*`, one for each character.

    Text that is not longer than `first + last` is starred whole.
    """

    kind: Literal["partial"] = "partial"
    first: int = Field(default=0, ge=0, le=64)
    last: int = Field(default=0, ge=0, le=64)


class Truncate(Frozen):
    """A date or timestamp is cut down to the beginning of its hour, day, month or year (UTC)."""

    kind: Literal["truncate"] = "truncate"
    unit: Literal["hour", "day", "month", "year"]


class Round(Frozen):
    """A number is rounded down to a multiple of `step`; a float is never more exact than that."""

    kind: Literal["round"] = "round"
    step: int = Field(ge=1, le=10**15)


Mask = Annotated[Nullify | Redact | Pseudonym | Partial | Truncate | Round, Field(discriminator="kind")]

STRICTNESS: tuple[type[Frozen], ...] = (Nullify, Redact, Pseudonym, Partial, Truncate, Round)
"""Masks from the one that hides most; where two rules mask one column, the stricter one acts."""

_FITS: dict[type[Frozen], frozenset[Family]] = {
    Partial: frozenset({Family.TEXT}),
    Pseudonym: frozenset({Family.TEXT, Family.NUMBER, Family.BINARY, Family.DATE, Family.TIMESTAMP}),
    Truncate: frozenset({Family.DATE, Family.TIMESTAMP}),
    Round: frozenset({Family.NUMBER}),
}


def fits(mask: Mask, family: Family) -> bool:
    """Whether the mask is defined on columns of this family; null and redact are defined on all."""
    families = _FITS.get(type(mask))
    return families is None or family in families


def family_after(mask: Mask | None, family: Family) -> Family:
    """The family of the column once masked; a consumer's predicate is checked against it."""
    return Family.TEXT if isinstance(mask, Redact | Pseudonym | Partial) else family


class ColumnRule(Frozen):
    """One governed column.

    Attributes:
        name: as the source spells it.
        mask: what is done to its values; None shows the value itself.
        delivered: false where only the consumer's predicate reads it: governed like any other, and left out
            of the output.
    """

    name: str
    mask: Mask | None = None
    delivered: bool = True


WINDOW_S_MAX = 366 * 86400


class RateWindow(Frozen):
    """At most `rows_max` rows in any window of `seconds`, counted together over all tickets (T53)."""

    rows_max: int = Field(ge=1, le=2**53)
    seconds: int = Field(ge=1, le=WINDOW_S_MAX)


class Obligations(Frozen):
    """Everything a connector must fulfil for one ticket.

    Attributes:
        version: of this set; another one is refused.
        columns: the allow-list, in output order. What is not in it, or in it but not delivered, cannot exist
            in the output.
        row_filter: the policy's predicate, on the raw values; None where the policy filters no rows.
        row_limit: the stream ends after so many rows, and its END says so.
        windows: rate windows; the broker accounts for them when it issues the ticket.
    """

    version: Literal[1] = 1
    columns: tuple[ColumnRule, ...] = Field(min_length=1)
    row_filter: Predicate | None = None
    row_limit: int | None = Field(default=None, ge=1)
    windows: tuple[RateWindow, ...] = ()

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) over their JSON, as it stands in the audit log."""
        return hashlib.sha256(self.model_dump_json(exclude_none=True).encode()).hexdigest()
