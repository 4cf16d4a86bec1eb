"""Searching a log: the index finds, the log answers, and a signed checkpoint can make the answer complete."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
from pydantic import Field

from exchange.audit.index.build import Progress, discard, refresh
from exchange.audit.index.complete import Covered, complete
from exchange.audit.index.hits import Records
from exchange.audit.index.question import Question
from exchange.audit.index.reading import opened
from exchange.audit.index.schema import PLACE, row_of
from exchange.audit.proofs.checkpoint import Checkpoint
from exchange.audit.records.entry import Entry
from exchange.audit.storage.layout import Layout
from exchange.errors import LogCorrupt
from exchange.model.base import Frozen


class Answer(Frozen):
    """What the log says to a question.

    Attributes:
        entries: the records, each read from the log and held against the tree; in the order asked for.
        count: how many records fit, also beyond the limit; None where nobody asked to count.
        more: whether the limit left some out.
        searched: records below this place were searched.
        proven: records below this place were searched completely: the index was made from records each of
            which is a leaf of the tree that was signed at this size. 0 where nothing was proven.
        first: where something was proven: records before this place are not in the log's files any more.
        origin: of the log, where something was proven; else "".
    """

    entries: tuple[Entry, ...] = ()
    count: int | None = None
    more: bool = False
    searched: int = Field(ge=0)
    proven: int = Field(default=0, ge=0)
    first: int = Field(default=0, ge=0)
    origin: str = ""


def search(
    log: Path,
    index: Path,
    question: Question,
    *,
    limit: int = 50,
    newest: bool = True,
    count: bool = False,
    signed: Checkpoint | None = None,
    progress: Progress | None = None,
) -> Answer:
    """Bring the index up to date, ask it, and read what it found from the log.

    Args:
        log: the log's folder.
        index: the index's folder. With `signed` it must be one that only the searcher can write.
        question: what to look for.
        limit: at most so many records; 0 for none, to count only.
        newest: the newest first, else the oldest.
        count: also count all that fit.
        signed: a checkpoint whose signature was verified: demands that the answer is complete up to it.
        progress: of bringing the index up to date.

    Raises:
        ConfigError: there is no log, or the index cannot be kept.
        LogCorrupt: a record is not the one in the tree, the tree is not the one that was signed, or records
            are missing elsewhere than at the log's beginning.
    """

    def ask() -> Answer:
        covered = (
            complete(log, index, signed, progress=progress)
            if signed is not None
            else Covered(first=0, end=refresh(log, index, progress=progress))
        )
        with opened(index) as connection:
            run = _Search(Records(Layout(log)), question, connection)
            entries, more = run.entries(limit, covered.end, newest=newest)
            counted = run.count() if count else None
        return Answer(
            entries=tuple(entries),
            more=more,
            count=counted,
            searched=covered.end,
            proven=signed.size if signed else 0,
            first=covered.first,
            origin=signed.origin if signed else "",
        )

    return _with_whole_index(index, ask)


def _with_whole_index(index: Path, ask: Callable[[], Answer]) -> Answer:
    """An index that says what the log does not, or cannot be read, is thrown away and made anew, once."""
    try:
        return ask()
    except (_IndexWrong, duckdb.Error):
        discard(index)
    try:
        return ask()
    except (_IndexWrong, duckdb.Error) as error:
        raise LogCorrupt(
            "the index does not agree with the log",
            hint="does somebody else write to its folder?",
            detail=str(error),
        ) from None


_WINDOWS = (1 << 17,)
_COUNT_DISTINCT = 'SELECT count(DISTINCT "index") FROM ({})'


class _IndexWrong(Exception):
    """A hit of the index does not fit the question."""


class _Search:
    def __init__(self, records: Records, question: Question, connection: duckdb.DuckDBPyConnection) -> None:
        self._records, self._question, self._connection = records, question, connection
        self._alternatives = question.sql()

    def entries(self, limit: int, searched: int, *, newest: bool) -> tuple[list[Entry], bool]:
        """At most so many records, and whether there are more.

        What is asked for is mostly near the end asked for: so that is searched first, and then ever more.
        """
        found: list[tuple[int, int]] = []
        for window in (*(size for size in _WINDOWS if size < searched), searched) if limit else ():
            near = ('"index" >= ?', searched - window) if newest else ('"index" < ?', window)
            found = self._found(near if window < searched else None, limit + 1, newest=newest)
            if len(found) > limit:
                break
        return [self._read(index, offset) for index, offset in found[:limit]], len(found) > limit

    def _found(self, near: tuple[str, int] | None, limit: int, *, newest: bool) -> list[tuple[int, int]]:
        where = f"{near[0]} AND {{}}" if near else "{}"
        each = f'SELECT "index", {PLACE} FROM stored WHERE {where}'  # noqa: S608 - own text
        order = "DESC" if newest else "ASC"
        # A record that fits several alternatives comes several times.
        rows = limit * len(self._alternatives)
        whole = f'WITH hits AS MATERIALIZED ({{}}) SELECT * FROM hits ORDER BY "index" {order} LIMIT {rows:d}'  # noqa: S608 - own text
        found = self._ask(each, whole, *near[1:] if near else ())
        distinct = list(dict.fromkeys(found))
        if len({index for index, _ in distinct}) < len(distinct):
            raise _IndexWrong("one record in two places")
        return distinct[:limit]

    def count(self) -> int:
        """How many fit."""
        whole = "SELECT count(*) FROM ({})" if len(self._alternatives) == 1 else _COUNT_DISTINCT
        ((count,),) = self._ask('SELECT "index" FROM stored WHERE {}', whole)
        return int(count)

    def _ask(self, each: str, whole: str, *first: int) -> list[tuple[Any, ...]]:
        """The answer to a statement whose text is all our own: `each` alternative, joined in `whole`."""
        statement = whole.format(" UNION ALL ".join(each.format(where) for where, _ in self._alternatives))
        values = [value for _, values in self._alternatives for value in (*first, *values)]
        rows: list[tuple[Any, ...]] = self._connection.execute(statement, values).fetchall()
        return rows

    def _read(self, index: int, offset: int | None) -> Entry:
        entry = self._records.read(index, offset)
        if not self._question.matches(row_of(index, entry.fields)):
            raise _IndexWrong(index)
        return entry
