"""Steps 7 and 8: from what a source delivers to what may leave, whatever the source did.

    row filter on raw values → masks → consumer's predicate on masked values → row limit → scrub

`plan` says what to scan and what to offer the source as a hint; `govern` takes nothing on trust: names,
types and order of every batch are checked and every predicate is applied again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn

import pyarrow as pa

from exchange.connector.enforce.chunk import CRUMB_ROWS, rechunk, scan_rows
from exchange.connector.enforce.even import evened
from exchange.connector.enforce.filter import keep
from exchange.connector.enforce.layout import plain_type, unwrapped
from exchange.connector.enforce.mask import Masking, masked_type, masking
from exchange.connector.enforce.scrub import scrub, scrubbed
from exchange.errors import PredicateInvalid, SourceFailed
from exchange.model.dataset import Column
from exchange.model.obligation import Obligations
from exchange.model.predicate import Predicate, both, check, columns_of, conjuncts

BATCH_BYTES_MAX = 2 << 20
"""The largest output batch: half of what gRPC receives by default, so that no client needs an option."""


@dataclass(frozen=True)
class ScanPlan:
    """What to ask of the source.

    Attributes:
        columns: the allow-list and what the row filter reads, in the raw schema's order.
        hint: row filter and those conjuncts of the consumer's predicate that read unmasked columns only.
        late: the consumer's predicates that read a masked column; they see what the consumer sees (T48).
        batch_rows: how many at a time.
    """

    columns: tuple[str, ...]
    hint: Predicate | None
    late: Predicate | None
    batch_rows: int


def governed_schema(obligations: Obligations, raw_schema: pa.Schema) -> pa.Schema:
    """The schema of what leaves: delivered columns in order, masked and plain types, no metadata.

    Raises:
        SourceFailed: the raw schema lacks a column, has it twice, or a mask does not fit it (T46); or
            nothing would be delivered.
    """
    seen = _seen_schema(obligations, raw_schema)
    delivered = [seen.field(rule.name) for rule in obligations.columns if rule.delivered]
    if not delivered:
        _refuse("the policy delivers no column")
    return pa.schema(delivered)


def _seen_schema(obligations: Obligations, raw_schema: pa.Schema) -> pa.Schema:
    """Like `governed_schema`, with the columns that only the consumer's predicate sees."""
    names = [rule.name for rule in obligations.columns]
    if len(set(names)) != len(names):
        _refuse("the policy lists a column twice")
    return pa.schema(
        [
            pa.field(rule.name, masked_type(rule.mask, plain_type(_field(raw_schema, rule.name).type)))
            for rule in obligations.columns
        ]
    )


def plan(obligations: Obligations, where: Predicate | None, raw_schema: pa.Schema) -> ScanPlan:
    """What to ask of the source for these obligations and this consumer's predicate.

    Raises:
        PredicateInvalid: `where` does not fit the governed columns.
        SourceFailed: the obligations do not fit the raw schema; nothing is read.
    """
    seen = _seen_schema(obligations, raw_schema)
    _check_row_filter(obligations.row_filter, raw_schema)
    if where is not None:
        check(where, lambda name: _column(seen, name))
    masked = {rule.name for rule in obligations.columns if rule.mask is not None}
    parts = conjuncts(where)
    # A predicate on unmasked columns says the same before and after the masks: it may run early.
    early = both(obligations.row_filter, *(part for part in parts if not columns_of(part) & masked))
    late = both(*(part for part in parts if columns_of(part) & masked))
    needed = {*seen.names, *columns_of(obligations.row_filter)}
    fields = [field for field in raw_schema if field.name in needed]
    batch_rows = scan_rows(pa.schema(fields), BATCH_BYTES_MAX)
    if early is None and late is None and obligations.row_limit is not None:
        # Every row counts, so no more need be decoded than may leave.
        batch_rows = min(batch_rows, max(CRUMB_ROWS, obligations.row_limit))
    return ScanPlan(tuple(field.name for field in fields), early, late, batch_rows)


def govern(
    batches: Iterator[pa.RecordBatch],
    obligations: Obligations,
    where: Predicate | None,
    raw_schema: pa.Schema,
    pseudonym_key: bytes,
    *,
    batch_bytes_max: int = BATCH_BYTES_MAX,
) -> Iterator[pa.RecordBatch]:
    """The rows that may leave, under `governed_schema`; never an empty batch, never one row too many.

    Args:
        batches: what the source yields for `plan(...).columns`.
        obligations: what must be fulfilled.
        where: the consumer's predicate on the governed columns.
        raw_schema: of the dataset, as it was when the ticket was admitted.
        pseudonym_key: the department's master key, at least 32 bytes; read only if a column is pseudonymised.
        batch_bytes_max: larger batches are split; one row may still be larger.

    Raises:
        PredicateInvalid, SourceFailed: at once, as `plan` does.
        SourceFailed: while iterating: a batch is not what the schema promised, or holds malformed values.
    """
    scan = plan(obligations, where, raw_schema)
    schema = governed_schema(obligations, raw_schema)
    masks = {
        rule.name: masking(rule.mask, rule.name, pseudonym_key)
        for rule in obligations.columns
        if rule.mask is not None
    }
    expected = pa.schema([pa.field(name, raw_schema.field(name).type) for name in scan.columns])
    kept = _kept(batches, scan, expected, _seen_schema(obligations, raw_schema), masks)
    delivered = (batch.select(schema.names) for batch in kept)
    # only what policy hides must not show in the batches' lengths; the consumer's own rows it may count
    sized = rechunk if obligations.row_filter is None else evened
    return _clean(sized(_limited(delivered, obligations.row_limit), batch_bytes_max), schema)


def _kept(
    batches: Iterator[pa.RecordBatch],
    scan: ScanPlan,
    expected: pa.Schema,
    schema: pa.Schema,
    masks: dict[str, Masking],
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        with _malformed_is_source_failure():
            _check_batch(batch, expected)
            delivered = keep(scan.hint, batch, _plain(batch.select(schema.names)))
            kept = keep(scan.late, _masked(delivered, schema, masks))
        if kept.num_rows:
            yield kept


def _masked(batch: pa.RecordBatch, schema: pa.Schema, masks: dict[str, Masking]) -> pa.RecordBatch:
    """The batch under the output schema: plain columns, masked where a mask stands."""
    columns = []
    for name, column in zip(schema.names, batch.columns, strict=True):
        values = unwrapped(column)
        columns.append(masks[name](values) if name in masks else values)
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Columns in layouts that the filter kernels know; a dictionary is filtered first and decoded later."""
    return pa.RecordBatch.from_arrays(
        [
            column
            if pa.types.is_dictionary(column.type) or plain_type(column.type) == column.type
            else scrubbed(column)
            for column in batch.columns
        ],
        names=batch.schema.names,
    )


def _limited(batches: Iterator[pa.RecordBatch], row_limit: int | None) -> Iterator[pa.RecordBatch]:
    """At most so many rows; the source is not asked for more than the batch that reaches the limit."""
    if row_limit is None:
        yield from batches
        return
    left = row_limit
    for batch in batches:
        yield batch.slice(0, left)
        left -= batch.num_rows
        if left <= 0:
            return


def _clean(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        with _malformed_is_source_failure():
            scrubbed_batch = scrub(batch, schema)
        yield scrubbed_batch


def _check_batch(batch: pa.RecordBatch, expected: pa.Schema) -> None:
    """A source that delivers other columns, order or types than agreed is not read (T45, T46)."""
    if batch.schema.names != expected.names or batch.schema.types != expected.types:
        _refuse("the source does not deliver what its schema says", f"{batch.schema} instead of {expected}")
    batch.validate()


def _check_row_filter(row_filter: Predicate | None, raw_schema: pa.Schema) -> None:
    if row_filter is None:
        return
    try:
        check(row_filter, lambda name: _column(raw_schema, name))
    except PredicateInvalid as error:
        # Its own text names columns and values of the policy, which the consumer must not learn.
        _refuse("the policy's row filter does not fit the dataset", error.public)


def _column(schema: pa.Schema, name: str) -> Column | None:
    indices = schema.get_all_field_indices(name)
    return Column(name=name, type=str(schema.field(indices[0]).type)) if len(indices) == 1 else None


def _field(schema: pa.Schema, name: str) -> pa.Field:
    indices = schema.get_all_field_indices(name)
    if len(indices) != 1:
        _refuse("the dataset lacks a column the policy speaks of", f"{name!r} is there {len(indices)} times")
    return schema.field(indices[0])


@contextmanager
def _malformed_is_source_failure() -> Iterator[None]:
    """What Arrow cannot work with is the source's fault; its text may quote values and stays here (T55)."""
    try:
        yield
    except (pa.ArrowException, UnicodeError) as error:
        raise SourceFailed("the source delivered malformed data", detail=str(error)) from None


def _refuse(public: str, detail: str = "") -> NoReturn:
    raise SourceFailed(public, detail=detail)
