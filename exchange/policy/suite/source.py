"""Case files as text: the part of YAML that a person reads as the machine does, each value with its line.

Tags, anchors, aliases and duplicate keys are refused. A bare word is text unless it is `true`, `false`,
`null` or a whole number: `no` is text, and so is a date.
"""

from __future__ import annotations

import re
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from exchange.model.base import Frozen
from exchange.policy.files.source import Place, decode, refused

Path = tuple[str | int, ...]
ModelT = TypeVar("ModelT", bound=Frozen)
SOURCE_BYTES_MAX = 1 << 20
DEPTH_MAX = 12
_WORDS = {"true": True, "false": False, "null": None}
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_REFUSED = {
    yaml.AliasToken: "an alias",
    yaml.AnchorToken: "an anchor",
    yaml.TagToken: "a tag",
    yaml.DirectiveToken: "a directive",
    yaml.DocumentStartToken: "a document marker",
}


class YamlSource:
    """The parsed content, and where each part of it stands."""

    def __init__(self, file: str, content: bytes) -> None:
        """Parse.

        Raises:
            PolicyInvalid: not UTF-8 in NFC, too large, not YAML, or more of YAML than is offered here.
        """
        self.file = file
        if len(content) > SOURCE_BYTES_MAX:
            raise refused(Place(file, 1), f"longer than {SOURCE_BYTES_MAX} bytes", "split the file")
        text = decode(file, content)
        self._lines: dict[Path, int] = {}
        try:
            self._check_tokens(text)
            # Nodes only: nothing is constructed from what the file says, not even by the safe loader.
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = Place(file, mark.line + 1 if mark else 1)
            raise refused(place, f"not YAML: {error.problem or error.context}", "mend the syntax") from None
        except (yaml.YAMLError, RecursionError):
            raise refused(Place(file, 1), "not YAML", "mend the syntax") from None
        self.content: Any = None if root is None else self._value(root, ())

    def place(self, path: Path) -> Place:
        """Where that part, or the nearest one around it, begins."""
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
            # A misspelt key makes two faults, one unknown and one missing: the unknown one is what to mend.
            item = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
        place = self.place((*at, *item["loc"]))
        key = ".".join(str(part) for part in item["loc"]) or "here"
        match item["type"]:
            case "extra_forbidden":
                raise refused(place, f"unknown key `{key}`", "remove it or mend its spelling")
            case "missing":
                raise refused(place, f"key `{key}` is missing", "add it")
            case _:
                message = item["msg"].removeprefix("Value error, ").lower()
                raise refused(place, f"`{key}`: {message}", "mend the value")

    def _check_tokens(self, text: str) -> None:
        depth = 0
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            if isinstance(token, yaml.FlowSequenceStartToken | yaml.FlowMappingStartToken):
                depth += 1
            elif isinstance(token, yaml.FlowSequenceEndToken | yaml.FlowMappingEndToken):
                depth -= 1
            what = _REFUSED.get(type(token)) or ("too deep a nesting" if depth > DEPTH_MAX else "")
            if what:
                place = Place(self.file, token.start_mark.line + 1)
                raise refused(place, f"{what} stands in the line", "write the value itself")

    def _value(self, node: Any, path: Path) -> Any:
        self._lines.setdefault(path, node.start_mark.line + 1)
        if len(path) > DEPTH_MAX:
            raise refused(self.place(path), "nested too deep", "a case is a short list of answers")
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, (*path, index)) for index, item in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        return node.value if node.style else _plain(node.value)

    def _mapping(self, node: Any, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in node.value:
            place = Place(self.file, key.start_mark.line + 1)
            if not isinstance(key, yaml.ScalarNode) or key.value == "<<":
                raise refused(place, "a key is one word", "write key: value")
            if key.value in found:
                raise refused(place, f"key `{key.value}` stands there twice", "remove one")
            self._lines[*path, key.value] = place.line
            found[key.value] = self._value(value, (*path, key.value))
        return found


def _plain(text: str) -> str | int | bool | None:
    """A bare word as people mean it."""
    if text in _WORDS or not text:
        return _WORDS.get(text)
    return int(text) if _INTEGER.fullmatch(text) else text
