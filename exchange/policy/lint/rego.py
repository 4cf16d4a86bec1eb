"""What a condition compares with that cannot be, and what it negates that may be undefined.

Rego has no types: a comparison with a purpose nobody declared is simply never true, and `not` of something
undefined is true. Both read as protection and are none (facts of OPA and regorus alike).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from exchange.model.subject import Kind
from exchange.policy.engines.rego_ast import (
    Definition,
    Node,
    definitions,
    literal_text,
    nodes,
    parse_module,
    path_of,
)
from exchange.policy.engines.rego_check import ALLOW, OBLIGATIONS, RegoModule
from exchange.policy.files.classification import Grade, Sharing
from exchange.policy.files.department import DepartmentPart
from exchange.policy.files.faults import Faults, Place, refused
from exchange.policy.files.vocabulary import Vocabulary

_PARTIAL = frozenset(
    [
        "array.slice",
        "indexof",
        "max",
        "min",
        "object.get",
        "product",
        "semver.compare",
        "substring",
        "sum",
        "time.add_date",
        "time.parse_duration_ns",
        "time.parse_rfc3339_ns",
        "to_number",
    ]
)
"""Functions that are undefined (OPA) or fail (regorus) on some arguments."""

_COLUMN_LISTS = frozenset({"withhold", "allow"})


def check_rego(
    module: RegoModule, words: Vocabulary, parts: Mapping[str, DepartmentPart], faults: Faults
) -> None:
    """Hand in what the module compares with in vain, and warn of what it negates."""
    rules = definitions(parse_module(module.file, module.text))
    known = _known(words, parts)
    for rule in rules:
        for kind, node in nodes(rule.node):
            _check_words(module.file, rule, kind, node, known, faults)
    if module.package.startswith("exchange.departments."):
        _check_columns(module, rules, parts, faults)
    for rule in _reachable(rules, ALLOW):
        _check_negations(module.file, rule, rules, faults)


def _known(words: Vocabulary, parts: Mapping[str, DepartmentPart]) -> dict[str, frozenset[str]]:
    """Path below the input -> the texts it can be."""
    return {
        "input.purpose": frozenset(words.purposes),
        "input.state": words.states,
        "input.action": frozenset({"read", "describe"}),
        "input.subject.department": frozenset(words.departments),
        "input.subject.kind": frozenset(Kind),
        "input.subject.roles": frozenset(words.roles),
        "input.dataset.department": frozenset(words.departments),
        "input.dataset.id": frozenset(id_ for part in parts.values() for id_ in part.datasets),
        "input.dataset.sharing": frozenset(Sharing),
        "input.dataset.grade": frozenset(Grade),
        "input.dataset.tags": frozenset(words.tags),
    }


def _check_words(
    file: str, rule: Definition, kind: str, node: Node, known: Mapping[str, frozenset[str]], faults: Faults
) -> None:
    for path, text in _compared(kind, node):
        offered = known.get(path)
        if offered is not None and text not in offered:
            near = difflib.get_close_matches(text, offered, n=1)
            pattern = "`==` takes `*` literally; use startswith or list the names"
            plain = f"did you mean {near[0]!r}?" if near else "mend the text, or declare it"
            place = Place(file, _line(node, rule.line))
            faults.add(refused(place, f"{path} is never {text!r}", pattern if "*" in text else plain, text))


def _compared(kind: str, node: Node) -> Iterator[tuple[str, str]]:
    """(path, text) of every comparison of a part of the input with a literal."""
    if kind == "BoolExpr" and node.get("op") in {"Eq", "Ne"}:
        for one, other in ((node["lhs"], node["rhs"]), (node["rhs"], node["lhs"])):
            path, text = path_of(one), literal_text(other)
            if path is not None and text is not None:
                yield path, text
    elif kind == "Membership":
        path, text = path_of(node["value"]), literal_text(node["value"])
        listed = _items(node["collection"])
        if path is not None:
            yield from ((path, item) for item in listed)
        among = path_of(node["collection"])
        if text is not None and among is not None:
            yield among, text


def _items(collection: Node) -> list[str]:
    ((kind, inner),) = collection.items()
    items = inner.get("items", ()) if kind in {"Array", "Set"} else ()
    return [text for text in map(literal_text, items) if text is not None]


def _check_columns(
    module: RegoModule, rules: list[Definition], parts: Mapping[str, DepartmentPart], faults: Faults
) -> None:
    """Columns that an obligation lists must be classified in some dataset of the department."""
    part = parts[module.package.rpartition(".")[2]]
    columns = {name for dataset in part.datasets.values() for name in dataset.facts.columns}
    for rule in _reachable(rules, OBLIGATIONS):
        for kind, node in nodes(rule.node):
            for name in _listed(node) if kind == "Object" else ():
                if name not in columns:
                    near = difflib.get_close_matches(name, columns, n=1)
                    mend = f"did you mean {near[0]!r}?" if near else "mend its name or classify it"
                    place = Place(module.file, _line(node, rule.line))
                    what = f"no dataset of {part.name} has a classified column {name!r}"
                    faults.add(refused(place, what, mend, name))


def _listed(node: Node) -> Iterator[str]:
    for _, key, value in node.get("fields", ()):
        name = literal_text(key)
        if name in _COLUMN_LISTS:
            yield from _items(value)
        elif name == "mask" and "Object" in value:
            yield from (text for _, one, _ in value["Object"]["fields"] if (text := literal_text(one)))


def _reachable(rules: list[Definition], start: str) -> list[Definition]:
    names = {rule.name for rule in rules}
    found, todo = set[str](), [start]
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            used = (
                node["value"]
                for rule in rules
                if rule.name == name
                for k, node in nodes(rule.node)
                if k == "Var"
            )
            todo.extend(one for one in used if one in names)
    return [rule for rule in rules if rule.name in found]


def _check_negations(file: str, rule: Definition, rules: list[Definition], faults: Faults) -> None:
    settled = {one.name for one in rules if one.shape in {"Default", "Set"}}
    open_names = {one.name for one in rules} - settled
    for kind, node in nodes(rule.node):
        if kind != "NotExpr":
            continue
        place = Place(file, _line(node, rule.line))
        for inner_kind, inner in nodes(node["expr"]):
            if why := _undefined(inner_kind, inner):
                mend = f"say what must be true instead: `not` of {why} is true when it is missing"
                faults.add(refused(place, f"`not` stands over {why}, which may be undefined", mend, "not"))
                break
            if inner_kind == "Var" and inner["value"] in open_names:
                name = inner["value"]
                what = f"`not {name}` is true wherever {name!r} is undefined"
                faults.warn(place, what, f"write default {name} := false", name)
                break


def _undefined(kind: str, node: Node) -> str:
    """What may be undefined in a part of the tree; "" if nothing."""
    if kind == "RefBrack" and path_of({kind: node}) is None:
        return "an element that is looked up"
    if kind == "RefDot" and path_of({kind: node}) is None:
        return "a field of a computed value"
    name = path_of(node["fcn"]) if kind == "Call" else None
    return f"`{name}`" if name in _PARTIAL else ""


def _line(node: Node, default: int) -> int:
    span = node.get("span")
    return int(span["line"]) if isinstance(span, dict) else default
