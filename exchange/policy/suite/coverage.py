"""What no case touches: grants, obligations, baseline rules, Rego rules and columns, each with its line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import regorus

from exchange.policy.bundle import Bundle
from exchange.policy.decide import department_term
from exchange.policy.engines.rego_ast import Definition
from exchange.policy.engines.rego_check import RegoModule
from exchange.policy.facts import question
from exchange.policy.files.source import Place
from exchange.policy.files.tree import PolicyTree
from exchange.policy.suite.model import Suite
from exchange.policy.suite.runner import Result, facts
from exchange.policy.suite.where import baseline_place, modules, rule_id, rules_of


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that a case can touch."""

    kind: str
    name: str
    place: Place
    touched: bool


@dataclass(frozen=True, slots=True)
class Coverage:
    """Everything that cases can touch, in the order of the files."""

    items: tuple[Item, ...]

    @property
    def percent(self) -> float:
        """How much of it is touched, of 100; nothing to touch is all of it."""
        return 100.0 * sum(item.touched for item in self.items) / len(self.items) if self.items else 100.0

    @property
    def untouched(self) -> tuple[Item, ...]:
        """What no case touches."""
        return tuple(item for item in self.items if not item.touched)


def measure(files: PolicyTree, bundle: Bundle, suite: Suite, results: Sequence[Result]) -> Coverage:
    """What the results touch.

    A grant is touched if it decided; an obligation or baseline rule if it acted, or denied since it lapsed; a
    Rego rule if it spoke and every line of it ran; a column if a case names it, as asked, expected or hidden.
    """
    spoken = {
        rule
        for result in results
        for step in result.outcome.steps
        for rule in step.rules
        if step.passed or not rule.endswith("#allow")
    }
    items = (
        *_grants(bundle, spoken),
        *_obligations(files, bundle, spoken),
        *_conditions(bundle, suite, results, spoken),
        *_columns(bundle, results),
    )
    return Coverage(tuple(sorted(items, key=lambda item: (item.place, item.kind, item.name))))


def _grants(bundle: Bundle, spoken: set[str]) -> Iterator[Item]:
    for part in bundle.parts.values():
        for rules in part.grants.rules.values():
            for rule in rules:
                name = f"{rule.effect} {rule.subject} {rule.object} for {rule.purpose}"
                yield Item("grant", name, rule.place, str(rule.place) in spoken)


def _obligations(files: PolicyTree, bundle: Bundle, spoken: set[str]) -> Iterator[Item]:
    for rule in bundle.baseline:
        yield Item("baseline", rule.id.partition("#")[2], baseline_place(files, rule.id), rule.id in spoken)
    for part in bundle.parts.values():
        listed = {rule.demand.id: rule for rules in part.obligations.values() for rule in rules}
        for id_, found in listed.items():
            yield Item("obligation", id_.partition("#")[2], found.place, id_ in spoken)


def _conditions(bundle: Bundle, suite: Suite, results: Iterable[Result], spoken: set[str]) -> Iterator[Item]:
    ran = _lines(bundle, suite, results)
    for module in modules(bundle):
        rules = rules_of(module)
        ends = [*(rule.line for rule in rules[1:]), module.text.count("\n") + 2]
        for rule, end in zip(rules, ends, strict=True):
            covered, missed = ran.get(module.file, (set(), {rule.line}))
            span = set(range(rule.line, end))
            whole = bool(span & covered) and not span & missed
            id_ = rule_id(module, rule)
            touched = whole and (id_ is None or id_ in spoken)
            yield Item("rego", _title(module, rule), Place(module.file, rule.line), touched)


def _title(module: RegoModule, rule: Definition) -> str:
    id_ = rule_id(module, rule)
    return rule.name if id_ is None else id_.partition("#")[2]


def _lines(bundle: Bundle, suite: Suite, results: Iterable[Result]) -> dict[str, tuple[set[int], set[int]]]:
    """File -> lines that ran for some case, and lines that ran for none; by regorus's own account."""
    engines: dict[str, tuple[Any, list[RegoModule]]] = {}
    for result in results:
        classified = bundle.classified(result.case.request.dataset)
        if classified is None or not any(step.name == "conditions" for step in result.outcome.steps):
            continue
        department = result.case.request.dataset.partition(".")[0]
        if department not in engines:
            engines[department] = _engine(bundle, department)
        engine, asked = engines[department]
        subject = result.case.subject
        terms = bundle.grants.terms(subject.id, department_term(subject))
        engine.set_input(question(facts(result.case, suite), classified, terms))
        for module in asked:
            for rule in sorted(module.defines):
                engine.eval_rule_as_json(f"data.{module.package}.{rule}")
    return _merge(engine for engine, _ in engines.values())


def _engine(bundle: Bundle, department: str) -> tuple[Any, list[RegoModule]]:
    own = bundle.parts[department].conditions
    asked = [bundle.rego, *([] if own is None else [own])]
    engine = regorus.Engine()
    engine.set_enable_coverage(True)
    for module in asked:
        engine.add_policy(module.file, module.text)
    return engine, asked


def _merge(engines: Iterable[Any]) -> dict[str, tuple[set[int], set[int]]]:
    merged: dict[str, tuple[set[int], set[int]]] = {}
    for engine in engines:
        for file in json.loads(engine.get_coverage_report_as_json())["files"]:
            covered, missed = merged.setdefault(file["path"], (set(), set()))
            covered.update(file["covered"])
            missed.update(file["not_covered"])
    return {path: (covered, missed - covered) for path, (covered, missed) in merged.items()}


def _columns(bundle: Bundle, results: Iterable[Result]) -> Iterator[Item]:
    named: set[tuple[str, str]] = set()
    for result in results:
        expect, request = result.case.expect, result.case.request
        for name in (*(expect.columns or ()), *expect.hidden, *(expect.masks or ()), *request.columns):
            named.add((request.dataset, name))
    for part in bundle.parts.values():
        for id_, classified in part.datasets.items():
            for name in classified.facts.columns:
                yield Item("column", f"{id_} {name}", classified.place, (id_, name) in named)
