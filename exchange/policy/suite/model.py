"""A case as its steward writes it, and as it is run."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from exchange.errors import PredicateInvalid
from exchange.model.base import Frozen
from exchange.model.dataset import Dataset
from exchange.model.obligation import RateWindow
from exchange.model.predicate import Predicate
from exchange.model.predicate_sql import parse
from exchange.model.request import ReadRequest
from exchange.model.subject import Subject
from exchange.policy.files.source import Place

Names = str | list[str]
Reason = Literal[
    "granted",
    "purpose-undeclared",
    "state-undeclared",
    "dataset-unknown",
    "no-grant",
    "grant-denied",
    "condition-not-met",
    "condition-denied",
    "obligation-not-in-force",
    "obligation-impossible",
    "column-unknown",
    "predicate-invalid",
]
"""Why a decision falls as it does; faults are left out, since nobody wants one."""
ALL_ROWS = "all"
NO_LIMIT = "none"


class Expect(Frozen):
    """What must come out. What is not named is not compared; what is named is compared whole.

    Attributes:
        decision: allow or deny.
        reason: its stable code.
        columns: the columns delivered, in order.
        hidden: columns that are not delivered.
        masks: every masked column among those delivered -> its mask, by kind or with its settings.
        rows: the policy's own row filter; `all` if there is none.
        row_limit: the limit; `none` if there is none.
        windows: the rate windows.
    """

    decision: Literal["allow", "deny"]
    reason: Reason | None = None
    columns: list[str] | None = None
    hidden: list[str] = Field(default_factory=list)
    masks: dict[str, str | dict[str, str | int]] | None = None
    rows: str | None = None
    row_limit: int | Literal["none"] | None = None
    windows: list[RateWindow] | None = None

    @field_validator("rows")
    @classmethod
    def _parses(cls, rows: str | None) -> str | None:
        if rows is not None and rows != ALL_ROWS:
            try:
                parse(rows)
            except PredicateInvalid as error:
                raise ValueError(error.public) from None
        return rows

    @model_validator(mode="after")
    def _possible(self) -> Expect:
        shown = (self.columns, self.masks, self.rows, self.row_limit, self.windows, self.hidden or None)
        if self.decision == "deny" and any(item is not None for item in shown):
            raise ValueError("a denial shows nothing; leave out columns, masks, rows and limits")
        if (self.reason == "granted") != (self.decision == "allow") and self.reason is not None:
            raise ValueError(f"{self.decision} cannot have the reason {self.reason}")
        both = set(self.columns or ()) & set(self.hidden)
        if both:
            raise ValueError(f"column {min(both)!r} is both delivered and hidden")
        return self

    @property
    def row_filter(self) -> Predicate | None:
        """The row filter that `rows` means; None for all rows."""
        return None if self.rows in {None, ALL_ROWS} else parse(self.rows or "")


def _expect(value: Any) -> Any:
    return {"decision": value} if isinstance(value, str) else value


class Defaults(Frozen):
    """What the cases of one file have in common."""

    subject: Names | None = None
    dataset: Names | None = None
    purpose: Names | None = None
    state: Names = "normal"
    time: Names | None = None


class RawCase(Defaults):
    """One case; where a key holds a list, the case stands for each of its values."""

    name: str = Field(min_length=1, max_length=200)
    note: str = ""
    state: Names | None = None  # type: ignore[assignment]  # a case may leave it to the file's defaults
    columns: list[str] = Field(default_factory=list)
    where: str = ""
    row_limit: int | None = Field(default=None, ge=1)
    expect: Expect

    @field_validator("expect", mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return _expect(value)


class CaseFile(Frozen):
    """One file of cases."""

    about: str = ""
    defaults: Defaults = Defaults()
    cases: list[RawCase] = Field(min_length=1, max_length=2000)


@dataclass(frozen=True, slots=True)
class Case:
    """One question with its one expected answer.

    Attributes:
        name: what the steward calls it.
        place: where it stands.
        subject, request, state, now: the question.
        expect: the answer.
    """

    name: str
    place: Place
    subject: Subject
    request: ReadRequest
    state: str
    now: dt.datetime
    expect: Expect

    @property
    def question(self) -> str:
        """The question in one line."""
        who = f"{self.subject.department}/{self.subject.name}"
        when = f"{self.state}, {self.now.isoformat()}"
        return f"{who} reads {self.request.dataset} for {self.request.purpose}, {when}"


@dataclass(frozen=True, slots=True)
class Suite:
    """Every case of a policy tree, and the schemas that they stand on."""

    cases: tuple[Case, ...]
    schemas: dict[str, Dataset]
