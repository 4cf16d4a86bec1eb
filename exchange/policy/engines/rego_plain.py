"""Which modules can do no harm wherever they run.

A plain module compares, looks up and joins: it goes through nothing round by round, builds nothing but what
its text spells out, and calls nothing but a few tests. Lists of the question it only searches and counts: two
such lists compared take as long as they are, for each time that a line says so. So its time and memory are
bounded by its own text, a page of it, and it can neither hold up nor end the process that runs it (T30).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from exchange.policy.engines.rego_ast import Definition, Node, nodes, path_of
from exchange.policy.engines.rego_cost import cost_of

PLAIN_STEPS_MAX = 20_000
"""About ten milliseconds in regorus, at the largest question there can be: two tests of all its columns."""
PLAIN_CHARS_MAX = 8192
PLAIN_NODES_MAX = 512
"""Of a module, and of one list that it spells out: each line may compare that list with itself once more."""
TESTS = frozenset({"startswith", "endswith", "contains", "count"})
"""Functions that read their arguments once and answer with a number or a truth."""

_LONG = frozenset(
    {"input.columns", "input.dataset", "input.dataset.columns", "input.dataset.tags"}
    | {"input.subject", "input.subject.roles"}
)
"""Parts of a question as long as a stranger or a steward made them."""

_ROUNDS = frozenset({"SomeIn", "Every", "SomeVars", "ArrayCompr", "SetCompr", "ObjectCompr"})
_BUILDING = frozenset({"ArithExpr", "BinExpr", "Func"})
_KINDS = frozenset(
    {
        *(
            "Array",
            "AssignExpr",
            "Bool",
            "BoolExpr",
            "Call",
            "Compr",
            "Expr",
            "Membership",
            "NotExpr",
            "Null",
        ),
        *("Number", "Object", "RawString", "RefBrack", "RefDot", "Set", "String", "Var"),
    }
)
"""Everything else, also what later engines may add, is not plain."""
_PATHS = frozenset({"Var", "RefDot", "RefBrack"})
_FIELDS = frozenset(
    {
        *("assign", "collection", "expr", "fcn", "head", "index", "item", "key", "lhs", "literal", "query"),
        *("refr", "rhs", "value"),
    }
)


def is_plain(file: str, text: str, rules: list[Definition]) -> bool:
    """Whether the module needs no process of its own.

    Args:
        file: for errors.
        text: of the module.
        rules: of a module that `rego_check` has found good.
    """
    if len(text) > PLAIN_CHARS_MAX or sum(cost_of(file, rules).values()) > PLAIN_STEPS_MAX:
        return False
    parts = [(kind, node) for rule in rules for kind, node in _evaluated(rule)]
    return all(_node(kind, node) for kind, node in parts) and _only_searched(parts)


def _evaluated(rule: Definition) -> Iterator[tuple[str, Node]]:
    """Every node of the rule but its own name; the head of a set rule is no set that somebody built."""
    head = rule.node.get("head") or {}
    for inner in head.values():
        yield from nodes([inner.get("key"), inner.get("assign")])
    yield from nodes({name: value for name, value in rule.node.items() if name not in {"head", "refr"}})


def _node(kind: str, node: Node) -> bool:
    if kind in _ROUNDS or kind in _BUILDING or kind not in _KINDS | _FIELDS:
        return False
    if kind == "Call":
        return path_of(node["fcn"]) in TESTS
    if kind == "RefBrack":
        return path_of({kind: node}) is not None
    if kind in {"Array", "Set", "Object"}:
        return _spelt_out(node)
    return True


def _only_searched(parts: list[tuple[str, Node]]) -> bool:
    """Whether each long part of the question stands where it is searched or counted, and nowhere else."""
    fine: set[int] = set()
    for kind, node in parts:
        if kind == "Membership":
            fine |= _ids(node["collection"])
        elif kind == "Call" and path_of(node["fcn"]) == "count":
            fine |= {found for param in node["params"] for found in _ids(param)}
        elif kind in {"RefDot", "RefBrack"} and path_of({kind: node}) not in _LONG:
            fine |= _ids(node["refr"])  # a step on the way to something short
    paths = ((path_of({kind: node}), node) for kind, node in parts if kind in _PATHS)
    return all(path not in _LONG or id(node) in fine for path, node in paths)


def _ids(tree: Node) -> set[int]:
    return {id(node) for _, node in nodes(tree)}


def _spelt_out(collection: Any) -> bool:
    """Whether little is in the collection, and nothing but what its text says: no name for something else."""
    kinds = [kind for kind, _ in nodes(collection)]
    return len(kinds) <= PLAIN_NODES_MAX and not {"Var", "RefDot", "RefBrack", "Call"}.intersection(kinds)
