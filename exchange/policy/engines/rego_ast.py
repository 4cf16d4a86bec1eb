"""Reading regorus's syntax tree: what a module is called, what it defines, and every node with its line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import regorus

from exchange.policy.files.source import Place, refused

Node = dict[str, Any]
SOURCE_BYTES_MAX = 64 * 1024
BRACKETS_DEEP_MAX = 12
_ERROR = re.compile(r"\n--> [^\n]*:(\d+):\d+\n.*?\nerror: ([^\n]*)", re.DOTALL)
_TEXT = re.compile(r'"(?:\\.|[^"\\\n])*"|`[^`]*`|#[^\n]*')


@dataclass(frozen=True, slots=True)
class Definition:
    """One rule of a module: its name, its shape (Compr, Set, Func, Default, other), its node and line."""

    name: str
    shape: str
    node: Node
    line: int


def parse_module(file: str, text: str) -> Node:
    """The module's syntax tree.

    Raises:
        PolicyInvalid: too large, nested too deep (the parser's time doubles with every open bracket), or not
            Rego; names the line.
    """
    if len(text.encode()) > SOURCE_BYTES_MAX:
        raise refused(
            Place(file, 1), f"longer than {SOURCE_BYTES_MAX} bytes", "conditions are a page of text"
        )
    _check_depth(file, text)
    engine = regorus.Engine()
    try:
        engine.add_policy(file, text)
        tree: Node = json.loads(engine.get_ast_as_json())[0]["ast"]
    except Exception as error:  # noqa: BLE001 -- the engine raises plain RuntimeError and more for bad text
        line, message = engine_error(error)
        raise refused(Place(file, line), f"not Rego: {message}", "mend the syntax (Rego v1)") from None
    return tree


def engine_error(error: BaseException) -> tuple[int, str]:
    """Line and first message of an error of the engine, without its stack trace."""
    found = _ERROR.search(str(error))
    return (int(found[1]), found[2].strip()) if found else (1, str(error).strip().split("\n")[0][:200])


def _check_depth(file: str, text: str) -> None:
    depth = 0
    bare = _TEXT.sub(lambda match: "\n" * match[0].count("\n"), text)
    for number, line in enumerate(bare.split("\n"), start=1):
        for character in line:
            depth += (character in "([{") - (character in ")]}")
            if depth > BRACKETS_DEEP_MAX:
                mend = "split the rule into named rules"
                raise refused(Place(file, number), f"brackets are more than {BRACKETS_DEEP_MAX} deep", mend)


def definitions(tree: Node) -> list[Definition]:
    """Every rule in the module, defaults included; one of dotted or computed name has the shape `other`."""
    found = []
    for rule in tree["rules"]:
        ((kind, node),) = rule.items()
        if kind == "Default":
            name, shape = path_of(node["refr"]), "Default"
        else:
            ((shape, head),) = node["head"].items()
            name = path_of(head["refr"])
        if name is None or "." in name:
            name, shape = name or "?", "other"
        found.append(Definition(name, shape, node, node["span"]["line"]))
    return found


def path_of(node: Node) -> str | None:
    """`a.b.c` for a variable or a chain of fields on one, also written `a["b"]`; None for anything else."""
    ((kind, inner),) = node.items()
    if kind == "Var":
        return str(inner["value"])
    if kind == "RefDot":
        base, field = path_of(inner["refr"]), inner["field"][1]
    elif kind == "RefBrack" and (text := literal_text(inner["index"])) is not None:
        base, field = path_of(inner["refr"]), text
    else:
        return None
    return None if base is None else f"{base}.{field}"


def literal_text(node: Node) -> str | None:
    """The text of a string literal; None for anything else."""
    ((kind, inner),) = node.items()
    return str(inner["value"]) if kind in {"String", "RawString"} else None


def nodes(tree: Any) -> Iterator[tuple[str, Node]]:
    """Every (kind, node) below, outermost first."""
    if isinstance(tree, dict):
        for kind, inner in tree.items():
            if isinstance(inner, dict) and kind != "span":
                yield kind, inner
            yield from nodes(inner)
    elif isinstance(tree, list):
        for inner in tree:
            if isinstance(inner, dict):
                yield "item", inner
            yield from nodes(inner)
