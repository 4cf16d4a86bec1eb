"""Which records of a log are exported, read from the log itself, with their bytes as they lie there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from exchange.audit.index.question import Question
from exchange.audit.index.schema import row_of
from exchange.audit.records.entry import Entry
from exchange.audit.storage.layout import Layout
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
        LogCorrupt: a line is not a record; nothing is left out in silence.
    """
    layout = Layout(log)
    segments = layout.segments()
    if not segments:
        raise ConfigError(f"there is no audit log at {log}", hint="name the folder that holds `segments`")
    done, total = 0, sum(path.stat().st_size for path in segments)
    for path in segments:
        for batch in scan(path):
            if batch.problem and batch.followed:
                raise LogCorrupt(
                    f"behind record {batch.first - 1}: {batch.problem}",
                    hint="`exchange audit verify` says more",
                )
            if batch.problem:  # unfinished: the log is being written, or ended in a crash
                break
            for line in batch.records:
                entry = Entry.parse(line)
                if question == EVERY or question.matches(row_of(entry.index, entry.fields)):
                    yield Chosen(line, entry)
            progress(done + batch.end, total)
        done += path.stat().st_size
