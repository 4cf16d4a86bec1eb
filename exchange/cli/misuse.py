"""Wrong usage, told in the same two lines as every other error."""

from __future__ import annotations

from typing import Any

import typer

from exchange.cli.console import USAGE, tell

USAGE_ERROR: Any = typer.BadParameter.__base__
"""Any mistake in the words of a command; typer shows its name to nobody."""


def misused(error: Any) -> int:
    """Say what is wrong with the command's words and where its help is; returns the exit code."""
    text = error.format_message().strip().removesuffix(".").replace(": Input", ": input")
    if text:  # else the command alone was given, and its help has just been shown
        tell(f"exchange: {text[:1].lower()}{text[1:]}")
        path = error.ctx.command_path if error.ctx is not None else "exchange"
        tell(f"  hint: {path} --help")
    return USAGE
