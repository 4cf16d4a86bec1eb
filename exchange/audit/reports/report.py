"""A period's report as values: what it stands on, its figures, series and tables; forms of it live elsewhere.

The same records give the same report, to the byte: nothing of the moment or place of its making is in it.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from exchange.model.base import Frozen

Cell = str | int
Sort = Literal["text", "number", "bytes"]
Verified = Literal["yes", "no", "altered"]
ROWS_MAX = 10_000
"""Of one table; what is left out is said."""


class Scope(Frozen):
    """Whose data the report is about: all, the datasets of a department, or one dataset.

    Attributes:
        department: code; "" for all. dataset: id; "" for all of them.
    """

    department: str = ""
    dataset: str = ""

    @property
    def owner(self) -> str:
        """The department whose policy governs what the report is about; "" for every one."""
        return self.department or self.dataset.partition(".")[0]

    @property
    def text(self) -> str:
        """For people."""
        if self.dataset:
            return f"dataset {self.dataset}"
        return f"datasets of {self.department}" if self.department else "all datasets"


class Basis(Frozen):
    """What the report stands on.

    Attributes:
        origin: names the log; size: records that the checkpoint covers, and so the report; root: in hex.
        verified: whether the files were verified against that checkpoint with the log's key.
        remark: what verification found; "" for nothing.
    """

    origin: str
    size: int
    root: str
    verified: Verified = "no"
    remark: str = ""


class Column(Frozen):
    """A column of a table: its name for programs, its title for people."""

    name: str
    title: str
    sort: Sort = "text"


class Table(Frozen):
    """A table of the report.

    Attributes:
        name: for programs and file names; title, note: for people.
        columns: as many as each row has cells.
        rows: at most ROWS_MAX; left_out: so many more there were, at least.
    """

    name: str
    title: str
    note: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    left_out: int = Field(default=0, ge=0)


class Point(Frozen):
    """One place of a series: a day (YYYY-MM-DD) or an hour (00 to 23)."""

    label: str
    granted: int = 0
    refused: int = 0
    rows: int = 0


class Pattern(Frozen):
    """Something unusual, with what makes it so; a reason to look, and no proof of anything.

    Attributes:
        what: stable word; title: for people.
        subject: SPIFFE id of who did it.
        sentence: why it is unusual, in one.
        records: indices to look up, the first few.
    """

    what: Literal["hour", "volume", "refusals", "probing", "purpose", "widened"]
    title: str
    subject: str
    sentence: str
    records: tuple[int, ...]


class Report(Frozen):
    """All of it.

    Attributes:
        basis, scope: see there; period: for people, UTC; since_us, until_us: the same, unix microseconds.
        figures: name and number, in order.
        patterns: what is unusual.
        days, hours: every day of the period, every hour of the day.
        tables: in order.
    """

    basis: Basis
    scope: Scope
    period: str
    since_us: int
    until_us: int
    figures: tuple[tuple[str, int], ...]
    patterns: tuple[Pattern, ...]
    days: tuple[Point, ...]
    hours: tuple[Point, ...]
    tables: tuple[Table, ...]

    def table(self, name: str) -> Table:
        """The table of that name.

        Raises:
            KeyError: there is none.
        """
        for table in self.tables:
            if table.name == name:
                return table
        raise KeyError(name)
