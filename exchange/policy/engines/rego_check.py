"""What a Rego module must be before it may decide: every way in which Rego fails open is an error here."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from exchange.policy.engines.rego_ast import (
    Definition,
    Node,
    definitions,
    is_escaped,
    literal_text,
    nodes,
    parse_module,
    path_of,
)
from exchange.policy.engines.rego_cost import check_cost
from exchange.policy.engines.rego_functions import ALLOWED, is_anchored, why_not
from exchange.policy.engines.rego_plain import is_plain
from exchange.policy.engines.rego_reads import ALL, Path, reads
from exchange.policy.files.faults import FIRST, Faults, Place, Refusal, refused
from exchange.policy.files.source import decode

ALLOW, DENY, OBLIGATIONS = "allow", "deny", "obligations"
RULES_MAX = 512
_SHAPES = {ALLOW: {"Compr", "Default"}, DENY: {"Set"}, OBLIGATIONS: {"Set"}}
_CONSTANTS = frozenset({"Bool", "Null", "Number", "String", "RawString"})
_SHAPE_WORDS = {
    ALLOW: "allow if { ... }",
    DENY: 'deny contains "code" if { ... }',
    OBLIGATIONS: "obligations contains { ... } if { ... }",
}
INPUT: dict[str, frozenset[str]] = {
    "subject": frozenset({"id", "department", "kind", "name", "roles"}),
    "dataset": frozenset({"id", "department", "sharing", "grade", "tags", "columns"}),
    "purpose": frozenset(),
    "action": frozenset(),
    "columns": frozenset(),
    "time": frozenset(),
    "state": frozenset(),
}
"""The shape of a question: `not input.subject.departmnt == "press"` is true for all: a typo is an error."""


@dataclass(frozen=True, slots=True)
class RegoModule:
    """A checked module.

    Attributes:
        file, text, package: as it was read.
        defines: which of allow, deny, obligations.
        reads: the parts of the question it names; all of it, while nobody has looked.
        plain: whether it can run anywhere (`rego_plain`).
    """

    file: str
    text: str
    package: str
    defines: frozenset[str]
    reads: frozenset[Path] = ALL
    plain: bool = False


def check_module(file: str, content: bytes, package: str, faults: Faults = FIRST) -> RegoModule:
    """The module, if nothing in it could fail open.

    Raises:
        PolicyInvalid: wrong package, an import, data of others, `with`, an unknown or unbounded function, an
            unknown part of the input, no `allow`, a rule of the wrong shape or that nothing uses, recursion.
    """
    text = decode(file, content, faults)
    try:
        return _checked(file, text, package, faults)
    except RecursionError:
        raise refused(Place(file, 1), "the module is nested too deep", "split its rules") from None


def _checked(file: str, text: str, package: str, faults: Faults) -> RegoModule:
    tree = parse_module(file, text)
    before = len(faults)
    with faults.catching():
        _check_package(file, tree, package)
    rules = definitions(tree)
    if len(rules) > RULES_MAX:
        raise refused(Place(file, rules[RULES_MAX].line), f"more than {RULES_MAX} rules", "a page is enough")
    _check_shapes(file, rules, faults)
    for rule in rules:
        with faults.catching():
            _check_nodes(file, rule, frozenset(one.name for one in rules), faults)
    _check_used(file, rules, faults)
    whole = len(faults) == before
    if whole:
        check_cost(file, rules)
    return RegoModule(
        file,
        text,
        package,
        frozenset(_SHAPES) & {rule.name for rule in rules},
        reads(rules),
        plain=whole and is_plain(file, text, rules),
    )


def _check_package(file: str, tree: Node, package: str) -> None:
    found = path_of(tree["package"]["refr"])
    line = tree["package"]["span"]["line"]
    if found != package:
        raise refused(Place(file, line), f"the package is {found!r}", f"write package {package}", found or "")
    for item in tree["imports"]:
        if path_of(item["refr"]) != "rego.v1":
            place = Place(file, item["span"]["line"])
            raise refused(place, "nothing but rego.v1 can be imported", "a module stands alone")


def _check_shapes(file: str, rules: list[Definition], faults: Faults) -> None:
    for rule in rules:
        with faults.catching():
            _check_shape(Place(file, rule.line), rule)
    if not any(rule.name == ALLOW and rule.shape == "Compr" for rule in rules):
        faults.add(refused(Place(file, 1), "the module defines no allow", f"write {_SHAPE_WORDS[ALLOW]}"))


def _check_shape(place: Place, rule: Definition) -> None:
    if rule.shape == "other":
        raise refused(
            place, f"rule {rule.name!r} has a dotted or computed name", "use a plain name", rule.name
        )
    if rule.name in ALLOWED or rule.name in {"input", "data"}:
        raise refused(place, f"{rule.name!r} is a name of the engine's", "name the rule otherwise", rule.name)
    if rule.shape not in _SHAPES.get(rule.name, {rule.shape}):
        raise refused(place, f"rule {rule.name!r} has the wrong shape", f"write {_SHAPE_WORDS[rule.name]}")
    if rule.name == ALLOW and rule.shape == "Default" and rule.node["value"] != _false(rule.node["value"]):
        raise refused(place, "the default of allow is not false", "write default allow := false")


def _false(value: Node) -> Node:
    inner = value.get("Bool", {})
    return {"Bool": {**inner, "value": False}}


def _check_nodes(file: str, rule: Definition, names: frozenset[str], faults: Faults) -> None:
    for kind, node in nodes(rule.node):
        place = Place(file, _line(node, rule.line))
        try:
            _check_node(place, kind, node, names)
        except Refusal as error:
            faults.add(error)
    _check_input(file, rule, faults)


def _check_node(place: Place, kind: str, node: Node, names: frozenset[str]) -> None:
    if node.get("with_mods"):
        mend = "ask the input as it is"
        raise refused(place, "`with` replaces what the decision stands on", mend, "with")
    if kind == "Call":
        _check_call(place, node, names)
    elif kind == "Var" and node["value"] == "data":
        mend = "refer to rules by their own name"
        raise refused(place, "a condition reads its input only", mend, "data")
    elif kind == "NotExpr" and node["expr"].keys() & _CONSTANTS:
        # OPA 1.21.3 takes a body of `not true` alone for an empty one, which holds; regorus does not.
        mend = "say what must not be so, or remove the line"
        raise refused(place, "`not` stands before a constant", mend, "not")
    elif kind == "RefBrack":
        _check_index(place, node["index"])


def _check_index(place: Place, index: Node) -> None:
    """Refuse a field that is looked up as another than was checked: undefined, which `not` turns round."""
    mend = "write its characters themselves, letters, digits, - and _"
    if is_escaped(index):
        # regorus looks for the text as it is written, backslash and all
        raise refused(place, "a field's name is written with escapes", mend, "\\")
    name = literal_text(index)
    if name is not None and "." in name:
        raise refused(place, "a field's name holds a dot", mend, name)


def _check_call(place: Place, call: Node, names: frozenset[str]) -> None:
    name = path_of(call["fcn"]) or "?"
    if name not in ALLOWED and name not in names:
        raise refused(place, *why_not(name), name)
    if name == "regex.match":
        pattern = literal_text(call["params"][0]) if call["params"] else None
        if pattern is None or not is_anchored(pattern):
            raise refused(
                place,
                "the pattern is not anchored",
                "write it out as `^...$`, alternatives in ()",
                pattern or name,
            )


def _check_input(file: str, rule: Definition, faults: Faults) -> None:
    """Every `input...` must name a part of the question; `input` or `input[x]` could miss one unseen."""
    inner: set[int] = set()
    for kind, node in nodes(rule.node):
        if kind in {"RefDot", "RefBrack"}:
            path = path_of({kind: node})
            if path is not None and path.startswith("input."):
                inner.update(id(part) for _, part in nodes(node["refr"]))
                with faults.catching():
                    _check_path(Place(file, _line(node, rule.line)), path.split(".")[1:])
        elif kind == "Var" and node["value"] == "input" and id(node) not in inner:
            place = Place(file, _line(node, rule.line))
            mend = "name the part, for example input.purpose"
            faults.add(refused(place, "`input` is used as a whole", mend, "input"))


def _check_path(place: Place, path: list[str]) -> None:
    parts = INPUT.get(path[0])
    known = parts is not None and (len(path) == 1 or path[1] in parts) and len(path) <= 2  # noqa: PLR2004
    if not known:
        offered = ", ".join(f"input.{name}" for name in INPUT)
        wrong = path[0] if parts is None else path[-1]
        raise refused(place, f"the input has no {'.'.join(path)!r}", f"there are {offered}", wrong)


def _check_used(file: str, rules: Iterable[Definition], faults: Faults) -> None:
    """A rule that nothing refers to is most often a misspelt allow or deny."""
    listed = list(rules)
    users: dict[str, set[str]] = {}
    for rule in listed:
        for kind, node in nodes(rule.node):
            if kind == "Var":
                users.setdefault(node["value"], set()).add(rule.name)
    for rule in listed:
        if rule.name not in _SHAPES and not users.get(rule.name, set()) - {rule.name}:
            mend = "remove it, or mend its name: allow, deny, obligations are what is asked for"
            near = difflib.get_close_matches(rule.name, _SHAPES, n=1)
            mend = f"did you mean {near[0]!r}? if not, remove it" if near else mend
            faults.add(refused(Place(file, rule.line), f"nothing uses rule {rule.name!r}", mend, rule.name))


def _line(node: Node, default: int) -> int:
    span = node.get("span")
    return int(span["line"]) if isinstance(span, dict) else default
