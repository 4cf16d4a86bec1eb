"""Findings for people, with a caret under the place, and for machines.

departments/port/grants.csv:5:70: error: unknown effect 'alow'
5 | p, role:first-responder, port.flights, read, emergency-response, alow
|                                                                  ^^^^
= write allow or deny, in lower case
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from rich.cells import cell_len

from exchange.model.canonical import JsonValue
from exchange.policy.lint.locate import Finding

_TAB = 4
_TEXT_MAX = 160
_BEFORE = 60


def lines(finding: Finding) -> Iterator[str]:
    """The finding as people read it; nothing in it can steer a terminal."""
    yield f"{finding.file}:{finding.line}:{finding.column or 1}: {finding.severity}: {finding.what}"
    if finding.column:
        number = f"{finding.line:>5}"
        text, before, at = _window(finding)
        yield f"{number} | {text}".rstrip()
        yield f"{'':>5} | {' ' * before}{'^' * max(1, at)}"
    yield f"{'':>5} = {finding.mend}"


def _window(finding: Finding) -> tuple[str, int, int]:
    """The line as shown, and the cells before and under the caret. A long line is cut on both sides."""
    start = finding.column - 1
    end = start + finding.width
    cut = max(0, start - _BEFORE) if len(finding.text) > _TEXT_MAX else 0
    stop = min(end, cut + _TEXT_MAX)
    lead = "… " if cut else ""
    shown = [visible(part) for part in (finding.text[cut:start], finding.text[start:stop])]
    rest = visible(finding.text[stop : cut + _TEXT_MAX]) + (
        " …" if len(finding.text) > cut + _TEXT_MAX else ""
    )
    text = lead + "".join(shown) + rest
    return text, cell_len(lead + shown[0]), cell_len(shown[1])


def visible(text: str) -> str:
    """Text whose every character takes the cells it seems to: tabs widened, the unprintable written out."""
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    if character == "\t":
        return " " * _TAB
    if character.isprintable() and unicodedata.category(character) not in {"Cf", "Zl", "Zp"}:
        return character
    return f"<U+{ord(character):04X}>"


def as_json(finding: Finding) -> dict[str, JsonValue]:
    """The finding for a steward's CI."""
    return {
        "file": finding.file,
        "line": finding.line,
        "column": finding.column,
        "width": finding.width,
        "severity": finding.severity.value,
        "message": finding.what,
        "hint": finding.mend,
    }
