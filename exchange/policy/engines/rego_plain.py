"""Which modules can do no harm wherever they run.

A plain module compares, looks up and joins: it goes through nothing round by round, builds nothing but what
its text spells out, and calls nothing but a few tests. So its time and memory are bounded by its own text and
the question, both of which are bounded, and it can neither hold up nor end the process that runs it (T30).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from exchange.policy.engines.rego_ast import Definition, Node, nodes, path_of
from exchange.policy.engines.rego_cost import cost_of

PLAIN_STEPS_MAX = 20_000
"""About ten milliseconds in regorus, at the largest question there can be: two tests of all its columns."""
TESTS = frozenset({"startswith", "endswith", "contains", "count"})
"""Functions that read their arguments once and answer with a number or a truth."""

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
_FIELDS = frozenset(
    {
        *("assign", "collection", "expr", "fcn", "head", "index", "item", "key", "lhs", "literal", "query"),
        *("refr", "rhs", "value"),
    }
)


def is_plain(file: str, rules: list[Definition]) -> bool:
    """Whether the module needs no process of its own.

    Args:
        file: for errors.
        rules: of a module that `rego_check` has found good.
    """
    if sum(cost_of(file, rules).values()) > PLAIN_STEPS_MAX:
        return False
    return all(_node(kind, node) for rule in rules for kind, node in _evaluated(rule))


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


def _spelt_out(collection: Any) -> bool:
    """Whether nothing is in the collection but what its text says: no name that could stand for another."""
    return all(kind not in {"Var", "RefDot", "RefBrack", "Call"} for kind, _ in nodes(collection))
