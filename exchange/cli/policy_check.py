"""`exchange policy check DIR`: what would fail open or never match, before it takes effect."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Annotated

import typer

from exchange.cli.console import REFUSED, complain, exit_code, say
from exchange.errors import ExchangeError
from exchange.policy.files import tree
from exchange.policy.lint.check import Report
from exchange.policy.lint.check import check as check_files
from exchange.policy.lint.render import as_json, lines
from exchange.policy.lint.schemas import load_schemas


def check(
    folder: Annotated[Path, typer.Argument(help="The folder that holds city.toml.")],
    schemas: Annotated[
        Path | None, typer.Option(help="JSON: what connectors serve; finds unclassified columns.")
    ] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Answer as JSON, for a steward's CI.")] = False,
) -> None:
    """Find what would fail open or never match: file, line, place and mend; exit code 1 if there is any."""
    try:
        files = tree.read_tree(folder)
        report = check_files(files, dt.datetime.now(dt.UTC), load_schemas(schemas) if schemas else None)
    except ExchangeError as error:
        complain(error)
        raise typer.Exit(exit_code(error)) from None
    if json_output:
        _tell_machine(report, tree.digest(files))
    else:
        _tell_person(report, tree.digest(files))
    if report.errors:
        raise typer.Exit(REFUSED)


def _tell_machine(report: Report, digest: str) -> None:
    problems = [as_json(finding) for finding in report.findings]
    answer = {"ok": not report.errors, "digest": digest, "problems": problems}
    print(json.dumps(answer, ensure_ascii=False))


def _tell_person(report: Report, digest: str) -> None:
    for finding in report.findings:
        for line in lines(finding):
            say(line)
        say("")
    errors, warnings = len(report.errors), len(report.findings) - len(report.errors)
    size = f"{report.departments} departments, {report.datasets:,} datasets, {report.grants:,} grants"
    if errors:
        say(f"not sound: {_count(errors, 'error')}, {_count(warnings, 'warning')} in {size}")
    else:
        told = f", {_count(warnings, 'warning')}" if warnings else ""
        say(f"sound: {size}{told}, digest {digest[:16]}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
