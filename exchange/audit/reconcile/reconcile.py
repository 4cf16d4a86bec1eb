"""Every access of a log against every rule: SQL finds what to read, the log's own records are judged."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from exchange.audit.reconcile.access import Access
from exchange.audit.reconcile.findings import Finding, Severity
from exchange.audit.reconcile.genuine import Genuine
from exchange.audit.reconcile.judge import judge, judge_refused
from exchange.audit.reconcile.moments import Deadlines
from exchange.audit.reconcile.suspects import (
    PART_RECORDS,
    Suspect,
    Wanted,
    began_us,
    extent,
    refused,
    suspects,
)
from exchange.audit.records.entry import Entry
from exchange.errors import LogCorrupt

if TYPE_CHECKING:
    import duckdb

Progress = Callable[[int, int], None]
EVERY = Wanted()


def _unseen(_done: int, _of: int) -> None:
    pass


def reconcile(
    log: Path,
    records: duckdb.DuckDBPyConnection,
    *,
    wanted: Wanted = EVERY,
    stream_s: int = 3600,
    grace_s: int = 600,
    progress: Progress = _unseen,
) -> Iterator[Finding]:
    """What does not fit between decisions, STARTs, ENDs and receipts; streamed, in constant memory.

    Args:
        log: folder of the log; every finding rests on records read from there.
        records: a connection with the view `records` over a fresh index of that log.
        wanted: which accesses; an access lies in a period when its first record does.
        stream_s: the broker's `stream_ttl_s`.
        grace_s: how long reports may take to the log.
        progress: called with parts done and parts to do.

    Raises:
        LogCorrupt: the index names a record that the log does not have there.
    """
    size, newest_us = extent(records)
    deadlines = Deadlines(as_of_us=newest_us, stream_s=stream_s, grace_s=grace_s)
    genuine = Genuine(log)
    edge_us = _edge_us(genuine, records, deadlines)
    parts = max(1, -(-size // PART_RECORDS))
    for part in range(parts):
        progress(part, parts)
        for some in suspects(records, wanted, deadlines, part, parts):
            for access in _accesses(genuine, some):
                if access.decisions or all(entry.time_us >= edge_us for entry in access.told):
                    yield from (one for one in judge(access, deadlines) if _asked(one, wanted))
    for some in refused(records, wanted):
        yield from (judge_refused(entry) for entry in _entries(genuine, some))
    progress(parts, parts)


def _asked(found: Finding, wanted: Wanted) -> bool:
    return wanted.notes or found.severity is not Severity.NOTE


def _edge_us(genuine: Genuine, records: duckdb.DuckDBPyConnection, deadlines: Deadlines) -> int:
    """Before this moment a decision may be one that retention removed: its absence means nothing."""
    if genuine.first == 0:
        return 0
    return began_us(records, genuine.first) + deadlines.longest_us


def _accesses(genuine: Genuine, some: list[Suspect]) -> Iterator[Access]:
    """Those whose records are all still kept."""
    here = [suspect for suspect in some if suspect.indices[0] >= genuine.first]
    entries = {entry.index: entry for entry in _entries(genuine, here)}
    for suspect in here:
        mine = [entries[index] for index in suspect.indices]
        if any(entry.fields.get("id") != suspect.id for entry in mine):
            raise _unlike(mine[0].index)
        yield Access.of(suspect.id, mine)


def _entries(genuine: Genuine, some: list[Suspect]) -> Iterator[Entry]:
    indices = itertools.chain.from_iterable(suspect.indices for suspect in some)
    return genuine.read(index for index in indices if index >= genuine.first)


def _unlike(index: int) -> LogCorrupt:
    return LogCorrupt(
        f"the index does not fit the log at record {index}",
        hint="delete the index's folder; it is built anew",
    )
