"""A TOML policy file with the line of every table and key, so that each fault and each rule has its place."""

from __future__ import annotations

import difflib
import re
import tomllib
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from exchange.model.base import Frozen
from exchange.policy.files import faults as at_fault
from exchange.policy.files.faults import FIRST, Faults, Refusal, refused
from exchange.policy.files.source import decode

Path = tuple[str | int, ...]
ModelT = TypeVar("ModelT", bound=Frozen)
_HEADER = re.compile(r"\s*(\[\[?)(.+?)\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_AT_LINE = re.compile(r"\(at line (\d+)")


class TomlSource:
    """The parsed content, and where each part of it stands."""

    def __init__(self, file: str, content: bytes, faults: Faults = FIRST) -> None:
        """Parse.

        Raises:
            PolicyInvalid: not UTF-8, not NFC, not TOML (which includes duplicate keys).
        """
        text = decode(file, content, faults)
        self.file = file
        try:
            self.content: dict[str, Any] = tomllib.loads(text)
        except RecursionError:
            raise _syntax(file, text, "nested too deep") from None
        except ValueError as error:  # TOMLDecodeError is one, and so is a number of thousands of digits
            raise _syntax(file, text, str(error)) from None
        self._lines = _lines(text)

    def place(self, path: Path) -> at_fault.Place:
        """Where the nearest enclosing table or key of that path begins."""
        while path and path not in self._lines:
            path = path[:-1]
        return at_fault.Place(self.file, self._lines.get(path, 1))

    def read(self, model: type[ModelT], content: Any, at: Path = (), faults: Faults = FIRST) -> ModelT:
        """A part of the content as a model.

        Raises:
            PolicyInvalid: an unknown or missing key or a wrong value; the text names its line.
        """
        try:
            return model.model_validate(content)
        except ValidationError as error:
            # A misspelt key makes two faults, one unknown and one missing: the unknown one is what to mend.
            items = _told(error.errors())
            found = [self._explain(item, near, at) for item, near in items]
            for other in found:
                faults.add(other)
            raise found[0] from None

    def salvage(self, model: type[ModelT], faults: Faults) -> ModelT:
        """The whole content as a model; while faults are gathered, without the named tables that are faulty.

        Raises:
            PolicyInvalid: as `read`; or the rest cannot be read either.
        """
        try:
            return self.read(model, self.content, (), faults)
        except Refusal as first:
            faults.add(first)
            rest = {name: self._sound(model, name, table) for name, table in self.content.items()}
            return self.read(model, {name: table for name, table in rest.items() if table is not None})

    def _sound(self, model: type[ModelT], name: str, table: Any) -> Any:
        """The entries of a table that can be read beside nothing else; None for a table the model lacks."""
        if name not in model.model_fields:
            return None
        if not isinstance(table, dict):
            return table
        return {key: entry for key, entry in table.items() if not self._faulty(model, name, {key: entry})}

    def _faulty(self, model: type[ModelT], name: str, table: Any) -> bool:
        try:
            model.model_validate({name: table})
        except ValidationError as error:
            return any(item["loc"][0] == name for item in error.errors())
        return False

    def _explain(self, item: ErrorDetails, near: str, at: Path) -> Refusal:
        loc, given = item["loc"], item["input"]
        place = self.place((*at, *loc))
        key = ".".join(map(str, loc)) or "here"
        match item["type"]:
            case "extra_forbidden":
                mend = f"did you mean `{near}`?" if near else "remove it or mend its spelling"
                return refused(place, f"unknown key `{key}`", mend, str(loc[-1]))
            case "missing":
                return refused(place, f"key `{key}` is missing", "add it")
            case _:
                text = item["msg"].removeprefix("Value error, ").lower()
                shown = given if isinstance(given, str) else _last_key(loc)
                return refused(place, f"`{key}`: {text}", "mend the value", shown)


def _told(items: list[ErrorDetails]) -> list[tuple[ErrorDetails, str]]:
    """Unknown keys first, each with the missing key that it most likely is, then no fault of its own."""
    missing = {item["loc"]: item for item in items if item["type"] == "missing"}
    told = []
    for item in items:
        if item["type"] == "extra_forbidden":
            beside = [str(loc[-1]) for loc in missing if loc[:-1] == item["loc"][:-1]]
            near = next(iter(difflib.get_close_matches(str(item["loc"][-1]), beside, n=1)), "")
            missing.pop((*item["loc"][:-1], near), None)
            told.append((item, near))
    rest = [item for item in items if item["type"] not in {"extra_forbidden", "missing"}]
    return [*told, *((item, "") for item in (*missing.values(), *rest))]


def _last_key(loc: Path) -> str:
    return next((part for part in reversed(loc) if isinstance(part, str)), "")


def _syntax(file: str, text: str, message: str) -> Refusal:
    found = _AT_LINE.search(message)
    line = int(found[1]) if found else text.count("\n") + 1
    return refused(at_fault.Place(file, line), f"not TOML: {message.lower()}", "mend the syntax")


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
