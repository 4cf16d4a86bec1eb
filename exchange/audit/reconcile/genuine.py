"""Records by their place, straight from the segments: what is reported is read from the log itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from exchange.audit.records.entry import Entry
from exchange.audit.storage.layout import Layout, first_index
from exchange.audit.storage.places import locate
from exchange.audit.storage.segment import Batch, scan
from exchange.errors import ConfigError, LogCorrupt


class Genuine:
    """The log's own records, found without reading what lies before them.

    Raises:
        ConfigError: there is no log in the folder.
    """

    def __init__(self, folder: Path) -> None:
        segments = Layout(folder).segments()
        if not segments:
            raise ConfigError(
                f"there is no audit log at {folder}", hint="name the folder that holds `segments`"
            )
        self._segments = [(first_index(path), path) for path in segments]

    @property
    def first(self) -> int:
        """Index of the oldest record that is still kept."""
        return self._segments[0][0]

    def read(self, indices: Iterable[int]) -> Iterator[Entry]:
        """The records of these indices, ascending, each once; a batch that holds several is read once.

        Raises:
            LogCorrupt: one is not there, is no record, or says that it is another.
        """
        batches: Iterator[Batch] = iter(())
        batch = Batch(0)
        for index in sorted(set(indices)):
            if not _holds(batch, index):
                batch = next(batches, batch)
            if not _holds(batch, index):
                batches = self._from(index)
                batch = next(batches, batch)
            if not _holds(batch, index):
                raise LogCorrupt(
                    f"record {index} is not in the log", hint="verify the log; its index is ahead of it"
                )
            entry = Entry.parse(batch.records[index - batch.first])
            if entry.index != index:
                raise LogCorrupt(f"the record in place {index} says that it is {entry.index}")
            yield entry

    def _from(self, index: int) -> Iterator[Batch]:
        """The batches of the segment that must hold the record, from the one that must hold it on."""
        path = next((path for first, path in reversed(self._segments) if first <= index), None)
        return iter(()) if path is None else scan(path, locate(path, index))


def _holds(batch: Batch, index: int) -> bool:
    return batch.first <= index < batch.first + len(batch.records)
