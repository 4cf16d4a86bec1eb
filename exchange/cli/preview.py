"""The first rows of an answer, on the terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from exchange.cli.console import plain
from exchange.cli.sinks import as_text

if TYPE_CHECKING:
    import pyarrow as pa


def show(table: pa.Table, *, as_json: bool) -> None:
    """Print a small table; as JSON, one object a row."""
    if as_json:
        for row in table.to_pylist():
            print(json.dumps(row, ensure_ascii=False, default=as_text))
        return
    shown = Table(box=None, pad_edge=False)
    for field in table.schema:
        shown.add_column(Text(plain(field.name)), overflow="fold")
    for row in table.to_pylist():
        shown.add_row(*(_cell(value) for value in row.values()))
    Console().print(shown)


def _cell(value: Any) -> Text:
    if value is None:
        return Text("null", style="dim")
    text = (
        value
        if isinstance(value, str)
        else as_text(value)
        if not isinstance(value, list | dict)
        else repr(value)
    )
    return Text(plain(str(text)).replace("\n", "\\n"))
