"""How the story is told: acts, steps, checks and small tables on the terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.table import Table


class StoryError(Exception):
    """A step did not come out as told."""


class Stage:
    """Tells the story and keeps count of what held."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._acts = 0
        self.held = 0

    @contextmanager
    def act(self, title: str) -> Iterator[None]:
        """One act, with the time it took."""
        self._acts += 1
        self._console.print(f"\n[bold]{self._acts}. {escape(title)}[/]")
        begin = time.perf_counter()
        yield
        self._console.print(f"   [dim]{time.perf_counter() - begin:.1f} s[/]")

    def say(self, text: str) -> None:
        """Lines of the story."""
        for line in text.splitlines():
            self._console.print(f"   {escape(line)}", soft_wrap=True)

    def check(self, claim: str, *, holds: bool) -> None:
        """A claim of the story.

        Raises:
            StoryError: it does not hold.
        """
        if not holds:
            self._console.print(f"   [red]✗ {escape(claim)}[/]")
            raise StoryError(claim)
        self.held += 1
        self._console.print(f"   [green]✓[/] {escape(claim)}")

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """A small table."""
        table = Table(title=escape(title), title_justify="left", title_style="dim", padding=(0, 1))
        for column in columns:
            table.add_column(escape(column), overflow="fold")
        for row in rows:
            table.add_row(*("[dim]null[/]" if cell is None else escape(str(cell)) for cell in row))
        self._console.print(table)
