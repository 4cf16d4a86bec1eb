"""Where exactly a fault stands: from its rule and the text at fault to line, column and width."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from exchange.policy.files.faults import Fault, Severity

_REACH = 200
"""A rule in TOML is at most so many lines long for a caret to be looked for."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault with its exact place.

    Attributes:
        file: below the policy folder.
        line, column: from 1, in characters; column 0 where there is no such line.
        text: the line.
        width: characters at fault.
        what, mend, severity: as in the fault.
    """

    file: str
    line: int
    column: int
    text: str
    width: int
    what: str
    mend: str
    severity: Severity


class Locator:
    """Finds places in files; each file is split into lines once."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files
        self._lines: dict[str, list[str]] = {}

    def find(self, fault: Fault) -> Finding:
        """The fault, placed."""
        lines = self._of(fault.place.file)
        line, start, width = _search(lines, fault) or _whole(lines, fault.place.line)
        text = lines[line - 1] if line <= len(lines) else ""
        return Finding(fault.place.file, line, start, text, width, fault.what, fault.mend, fault.severity)

    def _of(self, file: str) -> list[str]:
        if file not in self._lines:
            text = self._files.get(file, b"").decode("utf-8", "replace").removeprefix("\ufeff")
            self._lines[file] = [line.removesuffix("\r") for line in text.split("\n")]
        return self._lines[file]


def _search(lines: list[str], fault: Fault) -> tuple[int, int, int] | None:
    """The first place of the text from the rule's first line on, as a whole word if there is one."""
    first = fault.place.line
    if fault.field >= 0 and first <= len(lines):
        return _in_field(lines[first - 1], fault)
    if not fault.at or first > len(lines):
        return None
    for joined in _JOINED:
        for number in _numbers(lines, first, fault.place.file):
            code = lines[number - 1]
            start = -1 if code.lstrip().startswith("#") and number != first else _word(code, fault.at, joined)
            if start >= 0:
                return number, start + 1, len(fault.at)
    return None


def _word(code: str, text: str, joined: Callable[[str], bool]) -> int:
    """Where the text stands in the line with nothing joined to it, or -1; 100,000 findings are placed so."""
    start = code.find(text)
    while start >= 0:
        end = start + len(text)
        if not any(map(joined, (*code[max(0, start - 1) : start], *code[end : end + 1]))):
            return start
        start = code.find(text, start + 1)
    return -1


_JOINED: tuple[Callable[[str], bool], ...] = (
    lambda char: char.isalnum() or char in "_.-",
    lambda char: char.isalnum() or char == "_",
    lambda _: False,
)
"""What makes a text part of a longer word; the strictest first."""


def _in_field(line: str, fault: Fault) -> tuple[int, int, int]:
    fields = line.split(",")
    skipped = sum(len(field) + 1 for field in fields[: fault.field])
    field = fields[fault.field]
    start = max(0, field.find(fault.at)) if fault.at else len(field) - len(field.lstrip())
    return fault.place.line, skipped + start + 1, len(fault.at)


def _numbers(lines: list[str], first: int, file: str) -> range:
    """The lines of the rule: in TOML up to the next one, elsewhere the line itself."""
    if not file.endswith(".toml"):
        return range(first, first + 1)
    last = min(len(lines), first + _REACH)
    opener = lines[first - 1].lstrip()
    for number in range(first + 1, last + 1):
        text = lines[number - 1].lstrip()
        if text.startswith("[[") or (text.startswith("[") and not opener.startswith("[")):
            return range(first, number)
    return range(first, last + 1)


def _whole(lines: list[str], number: int) -> tuple[int, int, int]:
    if number > len(lines):
        return number, 0, 0
    text = lines[number - 1]
    bare = text.strip()
    return number, (len(text) - len(text.lstrip()) + 1 if bare else 0), len(bare)
