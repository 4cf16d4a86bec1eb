"""Which records of a log are exported, read from the log itself, with their bytes as they lie there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from exchange.audit.index.question import Question
from exchange.audit.index.schema import row_of
from exchange.audit.proofs.checkpoint import Checkpoint
from exchange.audit.proofs.note import NOTE_BYTES_MAX, split_note
from exchange.audit.records.entry import Entry
from exchange.audit.storage.layout import Layout, first_index, read_bounded
from exchange.audit.storage.segment import scan
from exchange.errors import ConfigError, LogCorrupt

Progress = Callable[[int, int], None]
EVERY = Question()


@dataclass(frozen=True, slots=True)
class Chosen:
    """A record: the line as it lies in the log, and what it says."""

    line: bytes
    entry: Entry


def chosen(log: Path, question: Question, progress: Progress) -> Iterator[Chosen]:
    """The records that fit, in the order of the log; memory is bounded by one batch.

    Args:
        log: folder of the log.
        question: what must fit.
        progress: called with bytes read and bytes to read.

    Raises:
        ConfigError: there is no log in the folder.
        LogCorrupt: a line is not a record, or one is missing behind the first that is here: nothing is left
            out in silence.
    """
    layout = Layout(log)
    segments = layout.segments()
    if not segments:
        raise ConfigError(f"there is no audit log at {log}", hint="name the folder that holds `segments`")
    covered = _covered(layout)
    done, total = 0, sum(path.stat().st_size for path in segments)
    place = first_index(segments[0])
    for path in segments:
        for batch in scan(path):
            if batch.problem and not batch.followed and path == segments[-1]:
                break  # unfinished: the log is being written, or ended in a crash
            if batch.problem or batch.first != place:
                raise _damaged(place, batch.problem or f"record {batch.first} follows")
            for line in batch.records:
                entry = _entry(place, line)
                place += 1
                if question == EVERY or question.matches(row_of(entry.index, entry.fields)):
                    yield Chosen(line, entry)
            progress(done + batch.end, total)
        done += path.stat().st_size
    if place < covered:
        raise _damaged(place, f"the log ends here, and its checkpoint covers {covered} records")


def _entry(place: int, line: bytes) -> Entry:
    entry = Entry.parse(line)
    if entry.index != place:
        raise _damaged(place, f"the record there says that it is {entry.index}")
    return entry


def _covered(layout: Layout) -> int:
    """So many records the checkpoint speaks of, whoever signed it; 0 where there is none."""
    try:
        return Checkpoint.parse(split_note(read_bounded(layout.checkpoint, NOTE_BYTES_MAX))[0]).size
    except FileNotFoundError:
        return 0


def _damaged(place: int, what: str) -> LogCorrupt:
    return LogCorrupt(
        f"record {place} is not where it must be: {what}",
        index=place,
        hint="`exchange audit verify` says more",
    )
