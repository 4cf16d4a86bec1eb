"""Which records a log holds at this moment, by its own files: what a whole answer must cover."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from connectors.duckdb.failure import translated
from exchange.errors import SourceFailed

_CHECKPOINT = re.compile(rb"[^\n]+\n([0-9]{1,16})\n")
_SEGMENT = re.compile(r"([0-9]{20})\.log")
_CHECKPOINT_BYTES = 1024


@dataclass(frozen=True)
class Extent:
    """The records [first, size): retention removed those before `first`; the signed tree has that size."""

    first: int
    size: int


def extent(log: Path) -> Extent:
    """What the log's folder holds now.

    The signature is not verified here. Whoever could forge a smaller checkpoint owns the log's folder, and
    `exchange audit verify`, from witnesses' copies, finds it out.

    Raises:
        SourceFailed: the folder cannot be read, or holds no log.
    """
    with translated():
        with (log / "checkpoint").open("rb") as file:
            signed = _CHECKPOINT.match(file.read(_CHECKPOINT_BYTES))
        names = [_SEGMENT.fullmatch(path.name) for path in (log / "segments").iterdir()]
    firsts = [int(name[1]) for name in names if name]
    if not signed or not firsts:
        raise SourceFailed("the log cannot be read", detail=f"{log} holds no checkpoint or no segment")
    return Extent(first=min(firsts), size=int(signed[1]))
