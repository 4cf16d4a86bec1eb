"""The accesses that may not fit, found by SQL over the index; the log itself has the last word on each.

The index answers which records belong together and which of them are worth reading. It may name too many:
they are judged again, record by record. Accesses are looked at in parts of the id space, so that memory does
not grow with the log.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exchange.audit.reconcile.judge import RECEIPTS_CALL
from exchange.audit.reconcile.moments import Deadlines
from exchange.model.base import Frozen

if TYPE_CHECKING:
    import duckdb

PART_RECORDS = 3_000_000
RECORDS_OF_ONE_MAX = 1000
_FETCHED = 2000


class Wanted(Frozen):
    """Which accesses to look at; None and "" mean any.

    Attributes:
        from_us, to_us: their first record lies in [from, to), unix microseconds.
        department: that provides or that asks.
        dataset: dataset id.
        notes: whether to look for what is only worth a note, too.
    """

    from_us: int | None = None
    to_us: int | None = None
    department: str = ""
    dataset: str = ""
    notes: bool = False


@dataclass(frozen=True, slots=True)
class Suspect:
    """An access id and the indices of its records, ascending."""

    id: str
    indices: tuple[int, ...]


# While all are looked at, a few numbers are kept of each access: of texts that must agree 64 bits of MD5,
# for which nobody finds a second text to a given one.
_SUSPECTS = """
WITH told AS NOT MATERIALIZED (
    SELECT id, kind, epoch_us(time) AS us, decision, action, outcome, row_limit, epoch_us(expires) AS expires,
        kind IN ('end', 'received') AS counts,
        CASE WHEN counts THEN rows END AS counted,
        CASE WHEN counts THEN md5_number(concat_ws(' ', rows, bytes, batches, digest)) END AS whole_account,
        (whole_account & 18446744073709551615::UHUGEINT)::UBIGINT AS account,
        (md5_number(subject || ' ' || dataset) & 18446744073709551615::UHUGEINT)::UBIGINT AS parties,
        kind IN ('start', 'end') AND (NOT ends_with(speaker, '/connector')
            OR split_part(dataset, '.', 1) NOT IN
                (split_part(split_part(speaker, '/', 3), '.', 1), split_part(speaker, '/', 5))) AS stranger,
        dataset = $dataset AS of_dataset,
        department = $department OR split_part(dataset, '.', 1) = $department AS of_department
    FROM records
    WHERE id >= $from_id AND id < $to_id AND kind IN ('decision', 'start', 'end', 'received', 'revocation')
),
access AS NOT MATERIALIZED (
    SELECT id,
        min(us) AS began,
        count(*) FILTER (kind = 'decision') AS decisions,
        count(*) FILTER (decision = 'allow' AND action = 'read') AS grants,
        count(*) FILTER (kind = 'start') AS starts,
        count(*) FILTER (kind = 'end') AS ends,
        count(*) FILTER (kind = 'received') AS receipts,
        bool_or(kind = 'revocation') AS revoked,
        max(us) FILTER (kind = 'start') AS started,
        min(expires) AS expires,
        max(row_limit) AS row_limit,
        max(counted) AS counted,
        min(account) <> max(account) AS accounts_differ,
        min(parties) <> max(parties) AS parties_differ,
        bool_and(outcome = 'complete') FILTER (counts) AS complete,
        bool_or(stranger) AS stranger,
        bool_or(of_dataset) AS of_dataset,
        bool_or(of_department) AS of_department,
        starts + ends + receipts > 0 AS flowed
    FROM told GROUP BY id
),
suspects AS NOT MATERIALIZED (
    SELECT id FROM access
    WHERE (decisions > 1
        OR (flowed AND (grants = 0 OR decisions > grants))
        OR starts > 1 OR ends > 1 OR receipts > 1
        OR (ends > 0 AND starts = 0)
        OR (flowed AND ends = 0 AND began < $deadline)
        OR started > expires
        OR (row_limit > 0 AND counted > row_limit)
        OR (ends > 0 AND receipts > 0 AND (accounts_differ OR NOT complete))
        OR (revoked AND flowed)
        OR (flowed AND parties_differ)
        OR stranger
        OR ($notes AND ends > 0 AND receipts = 0 AND complete))
        AND ($since IS NULL OR began >= $since) AND ($until IS NULL OR began < $until)
        AND ($dataset = '' OR of_dataset) AND ($department = '' OR of_department)
)
SELECT id, list("index") FROM records SEMI JOIN suspects USING (id)
WHERE id >= $from_id AND id < $to_id AND kind IN ('decision', 'start', 'end', 'received', 'revocation')
GROUP BY id ORDER BY min("index")
"""

_REFUSED = """
SELECT target, "index" FROM records
WHERE kind = 'administration' AND call = $call AND outcome = 'refused'
    AND ($since IS NULL OR epoch_us(time) >= $since) AND ($until IS NULL OR epoch_us(time) < $until)
    AND ($department = '' OR department = $department) AND $dataset = ''
ORDER BY "index"
"""


def suspects(
    records: duckdb.DuckDBPyConnection, wanted: Wanted, deadlines: Deadlines, part: int, parts: int
) -> Iterator[list[Suspect]]:
    """The accesses of one part of the id space that may not fit, some at a time.

    Args:
        records: a connection with the view `records`.
        wanted: which accesses.
        deadlines: by when an END must have been heard.
        part: which one, from 0.
        parts: how many there are.
    """
    found = records.execute(
        _SUSPECTS,
        {
            **_period(wanted),
            "notes": wanted.notes,
            "deadline": deadlines.as_of_us - deadlines.longest_us,
            "from_id": _bound(part, parts),
            "to_id": _bound(part + 1, parts),
        },
    )
    while rows := found.fetchmany(_FETCHED):
        yield [Suspect(id_, tuple(sorted(indices)[:RECORDS_OF_ONE_MAX])) for id_, indices in rows]


def refused(records: duckdb.DuckDBPyConnection, wanted: Wanted) -> Iterator[list[Suspect]]:
    """Statements that the broker recorded as refused; the id is the ticket they spoke of, as recorded."""
    found = records.execute(_REFUSED, {**_period(wanted), "call": RECEIPTS_CALL})
    while rows := found.fetchmany(_FETCHED):
        yield [Suspect(target or "", (index,)) for target, index in rows]


def extent(records: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """How many records the index covers, and the newest one's time in unix microseconds; (0, 0) for none."""
    row = records.execute("SELECT count(*), coalesce(max(epoch_us(time)), 0) FROM records").fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def began_us(records: duckdb.DuckDBPyConnection, first: int) -> int:
    """The time of the oldest record from that index on, in unix microseconds; 0 if there is none."""
    query = 'SELECT coalesce(min(epoch_us(time)), 0) FROM records WHERE "index" >= ?'
    row = records.execute(query, [first]).fetchone()
    return int(row[0]) if row else 0


def _bound(part: int, parts: int) -> str:
    """Where a part of the id space begins: ids are random hex, so that equal parts hold equally many."""
    return "g" if part == parts else f"{(part << 32) // parts:08x}"


def _period(wanted: Wanted) -> dict[str, Any]:
    return {
        "since": wanted.from_us,
        "until": wanted.to_us,
        "department": wanted.department,
        "dataset": wanted.dataset,
    }
