"""One policy file as text: what a person reads in it is what the machine reads."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from exchange.policy.files.faults import FIRST, Faults, Place, refused

__all__ = ["Place", "csv_fields", "csv_lines", "decode", "refused"]

_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # control characters other than tab, return and line feed
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028\u2029\u202a-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""Characters without a shape: they end a line, turn the reading direction, or hide in a name."""

_WORD = re.compile(r"[^\s\"',=]+")
_BOM = "\ufeff"


def decode(file: str, content: bytes, faults: Faults = FIRST) -> str:
    """The file's text, without the byte order mark that some editors put first.

    Raises:
        PolicyInvalid: not UTF-8; or a line that is not Unicode NFC, or that holds control characters or
            characters that cannot be seen, so that what a person reads is what the machine reads.
    """
    try:
        text = content.decode("utf-8").removeprefix(_BOM)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise refused(Place(file, line), "the line is not UTF-8", "save the file as UTF-8") from None
    if _UNSEEN.search(text) or not unicodedata.is_normalized("NFC", text):
        for number, line_text in enumerate(text.split("\n"), start=1):
            _check_line(Place(file, number), line_text, faults)
    return text


def _check_line(place: Place, text: str, faults: Faults) -> None:
    if not unicodedata.is_normalized("NFC", text):
        odd = next(word for word in _WORD.findall(text) if not unicodedata.is_normalized("NFC", word))
        faults.add(
            refused(
                place,
                "the line is not in Unicode NFC",
                f"write {unicodedata.normalize('NFC', odd)!r}: two spellings look alike",
                odd,
            )
        )
    for character in dict.fromkeys(_UNSEEN.findall(text)):
        shown = f"U+{ord(character):04X}"
        faults.add(
            refused(place, f"the invisible character {shown} stands in the line", "remove it", character)
        )


def csv_lines(file: str, text: str, faults: Faults = FIRST) -> Iterator[tuple[Place, list[str]]]:
    """The meaningful lines of a CSV file as trimmed fields; comments stand on lines of their own.

    Raises:
        PolicyInvalid: quotes, or a `#` behind a field: Casbin's own reader would take both as part of a name.
    """
    for number, line in enumerate(text.split("\n"), start=1):
        with faults.catching():
            place = Place(file, number)
            if fields := csv_fields(place, line):
                yield place, fields


def csv_fields(place: Place, line: str) -> list[str]:
    """The trimmed fields of one line; none for an empty line or a comment.

    Raises:
        PolicyInvalid: as `csv_lines`.
    """
    stripped = line.strip()
    if not stripped or stripped[0] == "#":
        return []
    for mark in '#"':
        if mark in stripped:
            raise refused(
                place,
                "a line holds plain fields only",
                "no quotes; put the # comment on a line of its own",
                mark,
            )
    if "，" in stripped:
        raise refused(place, "the comma `，` is the Chinese one", "write `,` between fields", "，")
    return [field.strip() for field in stripped.split(",")]
