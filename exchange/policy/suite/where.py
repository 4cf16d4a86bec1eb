"""Where a rule stands that a decision names by its id: a steward needs the line."""

from __future__ import annotations

import re

from exchange.policy.bundle import Bundle
from exchange.policy.engines.rego_ast import Definition, definitions, nodes, parse_module
from exchange.policy.engines.rego_check import ALLOW, DENY, OBLIGATIONS, RegoModule
from exchange.policy.files.baseline import BASELINE_FILE
from exchange.policy.files.source import Place
from exchange.policy.files.tree import PolicyTree


def modules(bundle: Bundle) -> tuple[RegoModule, ...]:
    """Every Rego module of the city, its own first."""
    parts = (part.conditions for part in bundle.parts.values())
    return (bundle.rego, *(module for module in parts if module is not None))


def rules_of(module: RegoModule) -> list[Definition]:
    """The module's rules, defaults left out: they speak when nothing else does."""
    found = definitions(parse_module(module.file, module.text))
    return [rule for rule in found if rule.shape != "Default"]


def rule_id(module: RegoModule, rule: Definition) -> str | None:
    """The id by which decisions name the rule, if it has one that can be read off the text."""
    if rule.name == ALLOW:
        return f"{module.file}#allow"
    key = rule.node["head"].get("Set", {}).get("key")
    texts = [inner["value"] for kind, inner in nodes([key]) if kind in {"String", "RawString"}]
    if rule.name == DENY and len(texts) == 1:
        return f"{module.file}#deny:{texts[0]}"
    if rule.name == OBLIGATIONS and "id" in texts:
        return f"{module.file}#{texts[texts.index('id') + 1]}"
    return None


def baseline_place(files: PolicyTree, id_: str) -> Place:
    """The line of a baseline rule's id."""
    name = re.escape(id_.partition("#")[2])
    text = files[BASELINE_FILE].decode()
    found = re.search(rf"""^\s*id\s*=\s*["']{name}["']""", text, re.MULTILINE)
    return Place(BASELINE_FILE, text.count("\n", 0, found.start()) + 1 + found[0].count("\n") if found else 1)


def places(files: PolicyTree, bundle: Bundle) -> dict[str, Place]:
    """Rule id -> file and line, for every rule whose id does not say it already."""
    found = {rule.id: baseline_place(files, rule.id) for rule in bundle.baseline}
    for part in bundle.parts.values():
        found |= {rule.demand.id: rule.place for rules in part.obligations.values() for rule in rules}
    for module in modules(bundle):
        for rule in rules_of(module):
            if (id_ := rule_id(module, rule)) is not None:
                found.setdefault(id_, Place(module.file, rule.line))
    return found
