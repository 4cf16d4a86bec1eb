"""Bringing an index up to its log: what is missing is built, what does not belong is thrown away."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import duckdb
import pyarrow as pa

from exchange.audit.index.lines import Run, runs
from exchange.audit.index.locks import alone, building
from exchange.audit.index.shards import (
    SHARD_RECORDS,
    Shard,
    binding,
    disjoint,
    is_bound,
    leaves_kept,
    listed,
    shard,
)
from exchange.audit.index.write import merge, write_lines
from exchange.audit.proofs.leaves import first_difference
from exchange.audit.proofs.merkle import leaf_hash
from exchange.audit.storage.layout import Layout
from exchange.errors import ConfigError, LogCorrupt

Progress = Callable[[int, int], None]
"""Called now and then with records done and records in all."""


def refresh(log: Path, index: Path, *, hashed: bool = False, progress: Progress | None = None) -> int:
    """Bring the index up to the log's committed records; safe beside the log's writer, and beside readers.

    Only records whose hashes stand in tree/0 are indexed, which the log writes with each checkpoint: the
    index of a running log is behind by as much as its checkpoint, a fraction of a second.

    Args:
        log: the log's folder.
        index: the index's folder; made if it is missing.
        hashed: hold each line against its leaf hash in tree/0 before it is indexed, and keep only what was
            made so: then the index holds exactly the records that the tree holds.
        progress: for a bar on a terminal; not called when there is nothing to do.

    Returns:
        How many records the log has that the index covers: all below this place that are still in the log.

    Raises:
        ConfigError: there is no log in the folder, or the index cannot be written.
        LogCorrupt: the log's framing is damaged, so that it cannot be read; or a record is not the tree's.
    """
    layout = Layout(log)
    if not layout.segments_folder.is_dir():
        raise ConfigError(f"there is no audit log at {log}", hint="name the folder that holds `segments`")
    with building(index):
        try:
            return _Refresh(layout, index, progress, hashed=hashed).run()
        except (OSError, duckdb.Error) as error:
            raise ConfigError(f"the index in {index} cannot be built: {error}") from None


def discard(index: Path) -> None:
    """Throw the whole index away; the next refresh makes it anew.

    Raises:
        ConfigError: the folder cannot be written.
    """
    with building(index):
        for one in listed(index):
            one.path.unlink(missing_ok=True)


class _Refresh:
    def __init__(self, layout: Layout, index: Path, progress: Progress | None, *, hashed: bool) -> None:
        self._hashed = hashed
        self._layout, self._index, self._progress = layout, index, progress
        # tree/0 is what binds an index to its log.
        kept = leaves_kept(layout)
        self._runs = [
            Run(run.path, run.first, min(run.end, kept)) for run in runs(layout) if run.first < kept
        ]
        self._done = 0

    def run(self) -> int:
        spans = _spans(self._runs)
        # only under our own names: the folder may be a link to somebody's files
        for left in self._index.glob(f"{'[0-9]' * 20}-{'[0-9]' * 20}.new"):
            left.unlink()
        kept = self._belonging(spans)
        missing = [piece for span in spans for piece in _missing(span, kept)]
        total = sum(end - first for first, end in missing)
        for first, end in missing:
            kept.append(self._build(first, end, total))
        for group in _groups(sorted(kept)):
            self._merge(group)
        self._tidy()
        return spans[-1][1] if spans else 0

    def _belonging(self, spans: Sequence[tuple[int, int]]) -> list[Shard]:
        """The shards that were made from these records; the others are removed at once."""
        good: list[Shard] = []
        for one in listed(self._index):
            here = any(first <= one.first and one.end <= end for first, end in spans)
            if here and is_bound(one, self._layout, hashed=self._hashed):
                good.append(one)
            else:
                one.path.unlink(missing_ok=True)
        return disjoint(good)

    def _build(self, first: int, end: int, total: int) -> Shard:
        made = shard(self._index, first, end)

        def seen(place: int, lines: pa.Array) -> None:
            if self._hashed:
                self._hold_against_leaves(place, lines)
            self._done += len(lines)
            if self._progress:
                self._progress(self._done, total)

        write_lines(made, self._runs, self._binding(made), seen)
        return made

    def _merge(self, group: Sequence[Shard]) -> None:
        into = shard(self._index, group[0].first, group[-1].end)
        merge(into, group, self._binding(into))

    def _binding(self, one: Shard) -> dict[str, str]:
        return binding(self._layout, one.first, one.end, hashed=self._hashed)

    def _hold_against_leaves(self, place: int, lines: pa.Array) -> None:
        wrong = first_difference(self._layout.leaves, place, [leaf_hash(line) for line in lines.to_pylist()])
        if wrong is not None:
            raise LogCorrupt(
                f"record {wrong} is not the one in the tree",
                index=wrong,
                hint="`exchange audit verify` says what was altered",
            )

    def _tidy(self) -> None:
        """Remove what merges have replaced, unless somebody reads: then the next refresh does."""
        found = listed(self._index)
        replaced = sorted(set(found) - set(disjoint(found)))
        if not replaced:
            return
        with alone(self._index) as nobody_reads:
            for one in replaced if nobody_reads else ():
                one.path.unlink(missing_ok=True)


def _spans(found: Sequence[Run]) -> list[tuple[int, int]]:
    """Stretches without a hole; retention can leave holes."""
    spans: list[tuple[int, int]] = []
    for run in found:
        if spans and spans[-1][1] > run.first:
            raise LogCorrupt(f"two segments hold record {run.first}", index=run.first)
        if spans and spans[-1][1] == run.first:
            spans[-1] = (spans[-1][0], run.end)
        else:
            spans.append((run.first, run.end))
    return spans


def _missing(span: tuple[int, int], kept: Sequence[Shard]) -> Iterator[tuple[int, int]]:
    """What of the span no shard covers, cut where shards end."""
    edges = [
        span[0],
        *(edge for one in kept if span[0] <= one.first < span[1] for edge in (one.first, one.end)),
    ]
    edges.append(span[1])
    for number, (first, end) in enumerate(pairwise(edges)):
        if number % 2 == 0 and first < end:
            yield from _cut(first, end)


def _cut(first: int, end: int) -> Iterator[tuple[int, int]]:
    while first < end:
        stop = min(end, (first // SHARD_RECORDS + 1) * SHARD_RECORDS)
        yield first, stop
        first = stop


def _groups(kept: Sequence[Shard]) -> Iterator[list[Shard]]:
    """Neighbours to merge: sizes then fall geometrically, and a record is rewritten a few times in all.

    A finished block becomes one file. Within the block that still grows, a shard is merged with those behind
    it unless it is more than twice as large as all of them.
    """
    group: list[Shard] = []
    for one in reversed(kept):
        apart = group and (one.end != group[0].first or one.block != group[0].block)
        whole = group and group[-1].end % SHARD_RECORDS == 0
        behind = sum(other.size for other in group)
        if group and (apart or (not whole and one.size > 2 * behind)):
            if len(group) > 1:
                yield group
            group = []
        group.insert(0, one)
    if len(group) > 1:
        yield group
