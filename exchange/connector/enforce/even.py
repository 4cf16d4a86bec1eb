"""Batches whose sizes tell nothing of the rows that were filtered away (T50).

A source scans in batches of a known size. Were what is left of each sent as it is, the length of every
message would say how many rows policy hides in that stretch of the table.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from exchange.connector.enforce.chunk import split

EVEN_ROWS = 8192


def evened(batches: Iterator[pa.RecordBatch], batch_bytes_max: int) -> Iterator[pa.RecordBatch]:
    """The same rows in the same order, EVEN_ROWS at a time however they came; the last batch is shorter.

    Rows so wide that fewer fill a message leave in powers of two, so that no length is that of a scan.

    Args:
        batches: of one schema, none of them empty.
        batch_bytes_max: no batch is larger, unless it has one row.
    """
    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        held.append(batch)
        count += batch.num_rows
        size = sum(one.nbytes for one in held)
        while count >= EVEN_ROWS or (size >= batch_bytes_max and count > 1):
            rows = EVEN_ROWS if count >= EVEN_ROWS else 1 << (count.bit_length() - 1)
            whole = held[0] if len(held) == 1 else pa.concat_batches(held)
            yield from split(whole.slice(0, rows), batch_bytes_max)
            rest = whole.slice(rows)
            held, count, size = ([rest] if rest.num_rows else []), rest.num_rows, rest.nbytes
    if held:
        yield from split(pa.concat_batches(held), batch_bytes_max)
