"""Reading a log's files to show them, without judging them: for that there is `verify`."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path

from exchange.audit.records.entry import Entry
from exchange.audit.storage.layout import Layout
from exchange.audit.storage.segment import scan
from exchange.errors import ConfigError, LogCorrupt


def entries(folder: Path) -> Iterator[Entry]:
    """Every record that can be read, in order; lines that are no records are passed over.

    Raises:
        ConfigError: there is no log in the folder.
    """
    layout = Layout(folder)
    if not layout.segments_folder.is_dir():
        raise ConfigError(f"there is no audit log at {folder}", hint="name the folder that holds `segments`")
    for path in layout.segments():
        for batch in scan(path):
            for line in batch.records:
                try:
                    yield Entry.parse(line)
                except LogCorrupt:
                    continue


def select(folder: Path, *, last: int, access: str = "", subject: str = "", dataset: str = "") -> list[Entry]:
    """The last so many records that fit.

    Args:
        folder: of the log.
        last: at most so many, the newest.
        access: access id, whole; "" for any.
        subject: part of a SPIFFE id, of the subject or the speaker; "" for any.
        dataset: dataset id, whole; "" for any.
    """
    kept: deque[Entry] = deque(maxlen=last)
    for entry in entries(folder):
        fields = entry.fields
        who = (str(fields.get("subject", "")), str(fields.get("speaker", "")))
        if access and fields.get("id") != access:
            continue
        if subject and not any(subject in name for name in who):
            continue
        if dataset and fields.get("dataset") != dataset:
            continue
        kept.append(entry)
    return list(kept)
