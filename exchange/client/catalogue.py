"""What a consumer may see, as a small table."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING

from exchange.errors import AccessRefused
from exchange.wire.asking import Entry

if TYPE_CHECKING:
    import pyarrow as pa

_HEADINGS = ("dataset", "title", "purposes", "columns", "state")
_CELL_WIDTH_MAX = 44


class Catalogue:
    """The datasets one consumer holds a grant for, in the order of their ids.

    Iterates over entries, answers `len`, `in` (by id) and `catalogue["port.flights"]`, prints as a table.

    Attributes:
        revision: policy revision the answer stands on.
    """

    def __init__(self, entries: tuple[Entry, ...], revision: int) -> None:
        self._entries = {entry.id: entry for entry in sorted(entries, key=lambda entry: entry.id)}
        self.revision = revision

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, dataset: object) -> bool:
        return dataset in self._entries

    def __getitem__(self, dataset: str) -> Entry:
        """The entry of a dataset.

        Raises:
            AccessRefused: there is none that the consumer may see.
        """
        try:
            return self._entries[dataset]
        except KeyError:
            raise AccessRefused(f"no dataset {dataset!r} was granted to you") from None

    def to_arrow(self) -> pa.Table:
        """One row for each dataset; purposes and columns are lists."""
        import pyarrow as pa  # noqa: PLC0415 - loaded when first needed

        text, texts = pa.string(), pa.list_(pa.string())
        schema = pa.schema(
            [
                *((name, text) for name in ("id", "title", "department")),
                *((name, texts) for name in ("purposes", "columns")),
                *((name, text) for name in ("availability", "sharing", "grade", "update_cycle")),
            ]
        )
        return pa.Table.from_pylist([_row(entry) for entry in self], schema=schema)

    def __repr__(self) -> str:
        if not self._entries:
            return f"no dataset is granted to you (policy revision {self.revision})"
        cells = [
            (entry.id, entry.title, ", ".join(entry.purposes), str(len(entry.columns)), entry.availability)
            for entry in self
        ]
        rows = [tuple(map(_clip, row)) for row in (_HEADINGS, *cells)]
        widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join(
                cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)
            ).rstrip()
            for row in rows
        )


def _row(entry: Entry) -> dict[str, object]:
    row = entry.model_dump(mode="python")
    return row | {"columns": [column.name for column in entry.columns]}


def _width(text: str) -> int:
    """Cells of a terminal: wide characters take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def _clip(text: str) -> str:
    plain = "".join(" " if unicodedata.category(c) in {"Cc", "Cf"} else c for c in text)
    if _width(plain) <= _CELL_WIDTH_MAX:
        return plain
    while _width(plain) >= _CELL_WIDTH_MAX:
        plain = plain[:-1]
    return plain + "…"
