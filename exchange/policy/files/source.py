"""One policy file as text, and how its faults are told: file, line, what is wrong, the mend."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from exchange.errors import PolicyInvalid

_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class Place(NamedTuple):
    """Where a rule stands; the text form `<file>:<line>` is its id in decisions, traces and messages."""

    file: str
    line: int

    def __str__(self) -> str:
        """`<file>:<line>`."""
        return f"{self.file}:{self.line}"


def refused(place: Place, what: str, mend: str) -> PolicyInvalid:
    """The error that names the place, what is wrong there, and how to mend it."""
    return PolicyInvalid(f"{place}: {what}", hint=mend)


def decode(file: str, content: bytes) -> str:
    """The file's text.

    Raises:
        PolicyInvalid: not UTF-8; or a line that is not Unicode NFC, or that holds control characters or
            characters that turn the reading direction, so that what a person reads is what the machine reads.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise refused(Place(file, line), "the line is not UTF-8", "save the file as UTF-8") from None
    if not text.isascii() or any(ord(character) < 32 for character in text.replace("\n", "")):  # noqa: PLR2004
        for number, line_text in enumerate(text.split("\n"), start=1):
            _check_line(Place(file, number), line_text)
    return text


def _check_line(place: Place, text: str) -> None:
    if not unicodedata.is_normalized("NFC", text):
        raise refused(place, "the line is not in Unicode NFC", "normalise the file: two spellings look alike")
    for character in text:
        if character in _BIDI or (unicodedata.category(character) == "Cc" and character not in "\t\r"):
            shown = f"U+{ord(character):04X}"
            raise refused(place, f"the invisible character {shown} stands in the line", "remove it")


def csv_lines(file: str, text: str) -> Iterator[tuple[Place, list[str]]]:
    """The meaningful lines of a CSV file as trimmed fields; comments stand on lines of their own.

    Raises:
        PolicyInvalid: quotes, or a `#` behind a field: Casbin's own reader would take both as part of a name.
    """
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.strip()
        if not stripped or stripped[0] == "#":
            continue
        if "#" in stripped or '"' in stripped:
            raise refused(
                Place(file, number),
                "a line holds plain fields only",
                "no quotes; put the # comment on a line of its own",
            )
        yield Place(file, number), [field.strip() for field in stripped.split(",")]
