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
OPERATORS_MAX = 64
"""In one expression: each makes the tree one deeper, and the parser's time grows with the square of that."""
_ERROR = re.compile(r"\n--> [^\n]*:(\d+):\d+\n.*?\nerror: ([^\n]*)", re.DOTALL)
_OPERATOR = re.compile(r"[:=!<>]=|[-+*/%|&<>=.]|(?<=[\w\])}\"])[\[(]|\b(?:in|not|else|every|with|as|some)\b")
_WORD = re.compile(r"[\w\"]+|[^\s\w]")
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
        PolicyInvalid: too large, nested too deep (the parser's time doubles with every open bracket and grows
            with the square of an expression's length), or not Rego; names the line.
    """
    if len(text.encode()) > SOURCE_BYTES_MAX:
        raise refused(
            Place(file, 1), f"longer than {SOURCE_BYTES_MAX} bytes", "conditions are a page of text"
        )
    bare = _TEXT.sub(lambda match: '"' + "\n" * match[0].count("\n"), text)
    _check_depth(file, bare)
    _check_chains(file, bare)
    try:
        return _tree(file, text)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 -- RuntimeError for bad text, and a panic is no Exception
        line, message = engine_error(error)
    # Raised out here: an exception keeps the frames it passed, and with them an engine, which only this
    # thread may free.
    raise refused(Place(file, line), f"not Rego: {message}", "mend the syntax (Rego v1)")


def _tree(file: str, text: str) -> Node:
    engine = regorus.Engine()
    engine.add_policy(file, text)
    tree: Node = json.loads(engine.get_ast_as_json())[0]["ast"]
    return tree


def engine_error(error: BaseException) -> tuple[int, str]:
    """Line and first message of an error of the engine, without its stack trace."""
    found = _ERROR.search(str(error))
    return (int(found[1]), found[2].strip()) if found else (1, str(error).strip().split("\n")[0][:200])


def _check_chains(file: str, bare: str) -> None:
    """Refuse an expression of too many operators, over however many lines it goes on."""
    count, open_ended = 0, False
    for number, line in enumerate(bare.split("\n"), start=1):
        words = _WORD.findall(line)
        if not words:
            continue
        if not open_ended and not _OPERATOR.match(words[0]) and words[0] not in "[(":
            count = 0
        count += len(_OPERATOR.findall(line))
        open_ended = _OPERATOR.fullmatch(words[-1]) is not None
        if count > OPERATORS_MAX:
            mend = "split it into named rules"
            raise refused(Place(file, number), f"an expression has more than {OPERATORS_MAX} operators", mend)


def _check_depth(file: str, bare: str) -> None:
    depth = 0
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
    """`a.b.c` for a variable or a chain of fields on one, also written `a["b"]`; None for anything else.

    `a["b.c"]` is anything else: taken for `a.b.c` it would be checked as one field and looked up as another.
    """
    ((kind, inner),) = node.items()
    if kind == "Var":
        return str(inner["value"])
    if kind == "RefDot":
        base, field = path_of(inner["refr"]), inner["field"][1]
    elif kind == "RefBrack" and "." not in (text := literal_text(inner["index"]) or "."):
        base, field = path_of(inner["refr"]), text
    else:
        return None
    return None if base is None else f"{base}.{field}"


def literal_text(node: Node) -> str | None:
    """The text of a string literal; None for anything else."""
    ((kind, inner),) = node.items()
    return str(inner["value"]) if kind in {"String", "RawString"} else None


def is_escaped(node: Node) -> bool:
    """Whether it is a string literal whose text is shorter than it is written."""
    inner = node.get("String")
    if inner is None:
        return False
    return bool(inner["span"]["end"] - inner["span"]["start"] != len(inner["value"].encode()))


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
