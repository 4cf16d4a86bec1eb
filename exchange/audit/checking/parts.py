"""What a log consists of: segments in order, some sealed, the oldest perhaps without their records."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from exchange.audit.storage.layout import Layout, first_index
from exchange.audit.storage.segment import BATCH_BYTES_MAX

STRETCH_BYTES = 32 << 20
_BOUNDARY = re.compile(rb"\n#commit [0-9]+ [0-9a-f]{64}\n(?=#batch (0|[1-9][0-9]{0,15}) )")
_WINDOW = 1 << 20
_OVERLAP = 256


@dataclass(frozen=True)
class Part:
    """One segment as it lies there.

    Attributes:
        first: index of its first record, as its name promises; -1 if the name promises none.
        log: the file of its records; None where they are gone.
        seal: what the log promises of it; None if there is no such file.
    """

    first: int
    log: Path | None
    seal: Path | None


@dataclass(frozen=True)
class Stretch:
    """Bytes of a segment that can be judged by themselves: whole batches.

    Attributes:
        path: of the segment.
        first: index of the first record, as is promised there; -1 if nothing is.
        offset: of its first batch; end: behind its last; None for the end of the file.
        opens: it is the segment's first stretch.
        last: it belongs to the log's last segment.
    """

    path: Path
    first: int
    offset: int = 0
    end: int | None = None
    opens: bool = True
    last: bool = False


def parts_of(path: Path) -> list[Part]:
    """The segments of a log's folder, in order; or the one segment that the path names."""
    if not path.is_dir():
        return [Part(_promised(path), path, None)]
    layout = Layout(path)
    named = [*layout.segments(), *layout.seals(), *layout.strangers()]
    logs = {found.stem: found for found in named if found.suffix == ".log"}
    seals = {found.stem: found for found in named if found.suffix == ".seal"}
    names = sorted(logs.keys() | seals.keys())
    return [Part(_promised(Path(name)), logs.get(name), seals.get(name)) for name in names]


def whole(part: Part, *, last: bool) -> Stretch:
    """All records of a part in one stretch. The part has its records."""
    assert part.log is not None  # noqa: S101 - for the type checker; callers ask first
    return Stretch(part.log, part.first, last=last)


def divided(stretch: Stretch) -> Iterator[Stretch]:
    """The same bytes in stretches of about `STRETCH_BYTES`, cut where a batch follows a commit line.

    A record never holds a raw newline, so what looks like framing at the beginning of a line is framing.
    """
    offset, first, opens = stretch.offset, stretch.first, stretch.opens
    size = stretch.path.stat().st_size
    while size - offset > STRETCH_BYTES:
        found = _boundary(stretch.path, offset + STRETCH_BYTES)
        if found is None:
            break
        yield Stretch(stretch.path, first, offset, found[0], opens, last=stretch.last)
        (offset, first), opens = found, False
    yield Stretch(stretch.path, first, offset, None, opens, last=stretch.last)


def _boundary(path: Path, offset: int) -> tuple[int, int] | None:
    """Where the next batch begins behind the offset, and the index it promises."""
    with path.open("rb") as file:
        for at in range(offset, offset + 2 * BATCH_BYTES_MAX, _WINDOW):
            file.seek(at)
            match = _BOUNDARY.search(file.read(_WINDOW + _OVERLAP))
            if match is not None:
                return at + match.end(), int(match[1])
    return None


def _promised(path: Path) -> int:
    try:
        return first_index(path)
    except ValueError:
        return -1
