"""Batches of a reasonable size: scanned about as they leave, crumbs swept together, boulders split."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

CRUMB_ROWS = 1024
SWEPT_ROWS = 8192
_TEXT_BYTES = 24
"""A guess at what a value of no fixed width takes, its offset included."""


def scan_rows(schema: pa.Schema, batch_bytes_max: int) -> int:
    """How many rows to scan at a time: as many as leave in one message, by a guess from their types.

    More would be split afterwards, and such large buffers are asked of the system anew each time, zeroed
    and given back. The result is a power of two, for the engines' sake, and at least CRUMB_ROWS.
    """
    row_bytes = max(1, sum(map(_width, schema.types)))
    rows = max(CRUMB_ROWS, batch_bytes_max // row_bytes)
    return 1 << rows.bit_length() - 1


def _width(kind: pa.DataType) -> int:
    try:
        return max(1, int(kind.bit_width) // 8)
    except ValueError:
        return _TEXT_BYTES


def rechunk(batches: Iterator[pa.RecordBatch], batch_bytes_max: int) -> Iterator[pa.RecordBatch]:
    """The same rows in the same order, in fewer batches where they were small and more where they were large.

    A selective filter leaves a handful of rows of each batch; each message costs as much as thousands of
    rows.

    Args:
        batches: of one schema, none of them empty.
        batch_bytes_max: no batch is larger, unless it has one row.
    """
    crumbs: list[pa.RecordBatch] = []
    for batch in batches:
        if batch.num_rows >= CRUMB_ROWS and not crumbs:
            yield from split(batch, batch_bytes_max)
            continue
        crumbs.append(batch)
        if sum(crumb.num_rows for crumb in crumbs) >= SWEPT_ROWS or _bytes(crumbs) >= batch_bytes_max:
            yield from split(_together(crumbs), batch_bytes_max)
            crumbs = []
    if crumbs:
        yield from split(_together(crumbs), batch_bytes_max)


def split(batch: pa.RecordBatch, batch_bytes_max: int) -> Iterator[pa.RecordBatch]:
    """Halves of halves until each is small enough; slices, so nothing is copied."""
    if batch.num_rows <= 1 or batch.nbytes <= batch_bytes_max:
        yield batch
        return
    middle = batch.num_rows // 2
    yield from split(batch.slice(0, middle), batch_bytes_max)
    yield from split(batch.slice(middle), batch_bytes_max)


def _together(crumbs: list[pa.RecordBatch]) -> pa.RecordBatch:
    return crumbs[0] if len(crumbs) == 1 else pa.concat_batches(crumbs)


def _bytes(batches: list[pa.RecordBatch]) -> int:
    return sum(batch.nbytes for batch in batches)
