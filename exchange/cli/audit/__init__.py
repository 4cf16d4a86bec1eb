"""`exchange audit`: an auditor verifies, searches and reads a log; each command is a module of its own."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True)


@app.callback()
def audit() -> None:
    """Fetch, verify, search and prove the audit log."""
