"""Which parts of a question a module looks at: two questions alike in these have one answer."""

from __future__ import annotations

from collections.abc import Iterable

from exchange.policy.engines.rego_ast import Definition, nodes, path_of

Path = tuple[str, ...]
"""Below `input`: `("subject", "department")`; `()` is all of it."""
ALL: frozenset[Path] = frozenset({()})


def reads(rules: Iterable[Definition]) -> frozenset[Path]:
    """Every part of the input that any of a module's rules names.

    A part that is not named cannot be read: a checked module names its input part by part, and nothing that a
    module calls can see the input. What is looked up by a variable (`input.subject[key]`) counts whole.
    """
    found: set[Path] = set()
    for rule in rules:
        inside: set[int] = set()  # of a path that is noted already
        for kind, node in nodes(rule.node):
            if id(node) in inside:
                continue
            path = path_of({kind: node}) if kind in {"Var", "RefDot", "RefBrack"} else None
            if path is not None and (path == "input" or path.startswith("input.")):
                found.add(tuple(path.split(".")[1:]))
                inside.update(id(part) for _, part in nodes(node.get("refr", {})))
    return frozenset(found)
