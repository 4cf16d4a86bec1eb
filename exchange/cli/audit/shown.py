"""Records on a terminal: a line each, or one whole; what could steer the terminal is shown as text."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from exchange.audit.records.entry import Entry

_COLUMNS = ("#", "time", "what", "who", "dataset", "purpose", "result", "rev", "rows", "id")


def print_table(found: Sequence[Entry]) -> None:
    """A line each."""
    Console().print(_table(found))


def print_whole(found: Sequence[Entry]) -> None:
    """Every field of each."""
    console = Console()
    for entry in found:
        table = Table(title=f"record {entry.index} · {entry.kind} · {entry.time}", show_header=False)
        for name, value in sorted(entry.fields.items()):
            table.add_row(Text(name), Text(plain(value)))
        console.print(table)


def print_json(found: Sequence[Entry]) -> None:
    """A JSON object a line, ASCII."""
    for entry in found:
        sys.stdout.write(json.dumps(entry.fields, ensure_ascii=True, sort_keys=True) + "\n")


def line_of(entry: Entry) -> str:
    """One record in a line of text, in the order of the table's columns; what is empty shows as a dash."""
    place, moment, *cells, access = _row(entry)
    return "  ".join((f"{place:>8}", moment, *(cell or "-" for cell in cells), access or "-"))


def _table(found: Sequence[Entry]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in _COLUMNS:
        right = name in {"#", "rev", "rows"}
        table.add_column(name, justify="right" if right else "left", no_wrap=name in {"#", "time", "id"})
    for entry in found:
        table.add_row(*(Text(cell) for cell in _row(entry)))
    return table


def _row(entry: Entry) -> tuple[str, ...]:
    fields = entry.fields
    rows = fields.get("rows")
    result = str(fields.get("decision") or fields.get("outcome") or fields.get("event") or "")
    reason = str(fields.get("reason") or "")
    return tuple(
        plain(cell)
        for cell in (
            entry.index,
            entry.time[:19].replace("T", " "),
            entry.kind,
            short(str(fields.get("speaker") or fields.get("subject") or "")),
            fields.get("dataset", ""),
            fields.get("purpose", ""),
            f"{result} ({reason})" if reason and reason != "granted" else result,
            fields.get("revision", ""),
            "" if rows is None or entry.kind in {"start", "refusal"} else rows,
            str(fields.get("id", ""))[:8],
        )
    )


def short(spiffe_id: str) -> str:
    """`emergency/dispatch` for `spiffe://emergency.city/system/dispatch`; others as they are."""
    host, _, path = spiffe_id.removeprefix("spiffe://").partition("/")
    kind, _, name = path.partition("/")
    if not spiffe_id.startswith("spiffe://") or kind == "department":
        return spiffe_id
    return f"{host.partition('.')[0]}/{name or kind}"


def plain(value: Any) -> str:
    """A value for a terminal: what could steer the terminal is shown as text (T61)."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)
