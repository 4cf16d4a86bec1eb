"""The newest records, and single ones, without reading the log from its beginning.

They are shown as they stand in the files: a damaged log is shown too, then by reading all of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from exchange.audit.index.lines import bodies, line_at, runs
from exchange.audit.records.entry import Entry
from exchange.audit.storage.layout import Layout
from exchange.audit.storage.tail import entries, select
from exchange.errors import ConfigError, LogCorrupt


def newest(folder: Path, *, last: int, access: str = "", subject: str = "", dataset: str = "") -> list[Entry]:
    """The last so many records that fit, the newest last.

    Args:
        folder: of the log. What fits is found with the index in it, which is brought up to date.
        last: at most so many.
        access: access id, or its beginning; "" for any.
        subject: part of a SPIFFE id, of the subject or the speaker; "" for any.
        dataset: dataset id, whole; "" for any.

    Raises:
        ConfigError: there is no log in the folder.
    """
    layout = _layout(folder)
    with suppress(LogCorrupt, OSError):
        if not access and not subject and not dataset:
            return _parsed(_tail(layout, last))
        with suppress(ConfigError):  # the folder cannot be written, so that there is no index
            return _searched(folder, last, access=access, subject=subject, dataset=dataset)
    return select(folder, last=last, access=access, subject=subject, dataset=dataset)


def single(folder: Path, index: int) -> list[Entry]:
    """The record in that place; none if it is not here.

    Raises:
        ConfigError: there is no log in the folder.
    """
    layout = _layout(folder)
    with suppress(LogCorrupt, OSError):
        line = line_at(layout.segments(), index)
        found = [] if line is None else [Entry.parse(line)]
        if all(entry.index == index for entry in found):
            return found
    return [entry for entry in entries(folder) if entry.index == index]


def _searched(folder: Path, last: int, *, access: str, subject: str, dataset: str) -> list[Entry]:
    from exchange.audit.index.question import Question  # noqa: PLC0415 - heavy, and often not needed
    from exchange.audit.index.search import search  # noqa: PLC0415

    question = Question(id=access, subject=subject, dataset=dataset)
    return list(search(folder, folder / "index", question, limit=last).entries[::-1])


def _layout(folder: Path) -> Layout:
    layout = Layout(folder)
    if not layout.segments_folder.is_dir():
        raise ConfigError(f"there is no audit log at {folder}", hint="name the folder that holds `segments`")
    return layout


def _tail(layout: Layout, last: int) -> list[bytes]:
    lines: list[bytes] = []
    for run in reversed(runs(layout)):
        start = max(run.first, run.end - (last - len(lines)))
        found = [line for body in bodies(run, start) for line in body.lines[max(0, start - body.first) :]]
        lines = found + lines
        if len(lines) >= last:
            break
    return lines


def _parsed(lines: list[bytes]) -> list[Entry]:
    def each() -> Iterator[Entry]:
        for line in lines:
            with suppress(LogCorrupt):  # a line that is no record is passed over
                yield Entry.parse(line)

    return list(each())
