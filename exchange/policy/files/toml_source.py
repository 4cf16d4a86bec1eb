"""A TOML policy file with the line of every table and key, so that each fault and each rule has its place."""

from __future__ import annotations

import re
import tomllib
from typing import Any, TypeVar

from pydantic import ValidationError

from exchange.errors import PolicyInvalid
from exchange.model.base import Frozen
from exchange.policy.files.source import Place, decode, refused

Path = tuple[str | int, ...]
ModelT = TypeVar("ModelT", bound=Frozen)
_HEADER = re.compile(r"\s*(\[\[?)(.+?)\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_AT_LINE = re.compile(r"\(at line (\d+)")


class TomlSource:
    """The parsed content, and where each part of it stands."""

    def __init__(self, file: str, content: bytes) -> None:
        """Parse.

        Raises:
            PolicyInvalid: not UTF-8, not NFC, not TOML (which includes duplicate keys).
        """
        text = decode(file, content)
        self.file = file
        try:
            self.content: dict[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise _syntax(file, text, str(error)) from None
        self._lines = _lines(text)

    def place(self, path: Path) -> Place:
        """Where the nearest enclosing table or key of that path begins."""
        while path and path not in self._lines:
            path = path[:-1]
        return Place(self.file, self._lines.get(path, 1))

    def read(self, model: type[ModelT], content: Any, at: Path = ()) -> ModelT:
        """A part of the content as a model.

        Raises:
            PolicyInvalid: an unknown or missing key or a wrong value; the text names its line.
        """
        try:
            return model.model_validate(content)
        except ValidationError as error:
            raise self._explain(error, at) from None

    def _explain(self, error: ValidationError, at: Path) -> PolicyInvalid:
        # A misspelt key makes two faults, one unknown and one missing: the unknown one is what to mend.
        item = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
        path = (*at, *item["loc"])
        key = ".".join(map(str, item["loc"])) or "here"
        match item["type"]:
            case "extra_forbidden":
                return refused(self.place(path), f"unknown key `{key}`", "remove it or mend its spelling")
            case "missing":
                return refused(self.place(path), f"key `{key}` is missing", "add it")
            case _:
                message = item["msg"].removeprefix("Value error, ").lower()
                return refused(self.place(path), f"`{key}`: {message}", "mend the value")


def _syntax(file: str, text: str, message: str) -> PolicyInvalid:
    found = _AT_LINE.search(message)
    line = int(found[1]) if found else text.count("\n") + 1
    return refused(Place(file, line), f"not TOML: {message.lower()}", "mend the syntax")


def _lines(text: str) -> dict[Path, int]:
    """The line of each table header and key; text inside multi-line strings is passed over."""
    lines: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    quote = ""
    for number, line in enumerate(text.split("\n"), start=1):
        if quote:
            quote = "" if quote in line else quote
            continue
        header = _HEADER.fullmatch(line)
        if header is not None:
            table = _table(_keys(header[2]), counts, repeated=header[1] == "[[")
            lines.setdefault(table, number)
        elif (key := _KEY.match(line)) is not None:
            lines.setdefault((*table, *_keys(key[1])), number)
        quote = next((mark for mark in ('"""', "'''") if line.count(mark) % 2), "")
    return lines


def _keys(text: str) -> Path:
    return tuple(part.strip().strip("\"'") for part in re.findall(r'"[^"]*"|\'[^\']*\'|[\w-]+', text))


def _table(keys: Path, counts: dict[Path, int], *, repeated: bool) -> Path:
    if repeated:
        counts[keys] = counts.get(keys, -1) + 1
        return (*keys, counts[keys])
    parent, rest = keys, ()  # type: tuple[Path, Path]
    while parent and parent not in counts:
        parent, rest = parent[:-1], (parent[-1], *rest)
    return (*parent, counts[parent], *rest) if parent else keys
