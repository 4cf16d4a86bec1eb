"""Which line of a condition was not fulfilled: the last line of each `allow` that was still reached."""

from __future__ import annotations

import json
from collections.abc import Iterator

import regorus

from exchange.policy.bundle import Bundle
from exchange.policy.decide import department_term
from exchange.policy.engines.rego_ast import definitions, parse_module
from exchange.policy.engines.rego_check import ALLOW, RegoModule
from exchange.policy.facts import Facts, question
from exchange.policy.files.classification import Classified
from exchange.policy.files.source import Place


def unmet(bundle: Bundle, facts: Facts, classified: Classified) -> Iterator[Place]:
    """The lines at which the modules that did not allow gave up, one for each of their `allow` rules."""
    part = bundle.parts.get(facts.request.dataset.partition(".")[0])
    own = part.conditions if part is not None else None
    terms = bundle.grants.terms(facts.subject.id, department_term(facts.subject))
    asked = question(facts, classified, terms)
    for module in (bundle.rego, own):
        if module is not None:
            yield from _unmet(module, json.dumps(asked))


def _unmet(module: RegoModule, asked: str) -> Iterator[Place]:
    # In this process: the gate has just answered this very question within its bounds, or we were not here.
    engine = regorus.Engine()
    engine.add_policy(module.file, module.text)
    engine.set_enable_coverage(True)
    engine.set_input_json(asked)
    if engine.eval_rule(f"data.{module.package}.{ALLOW}") is True:
        return
    reached = {
        line for file in json.loads(engine.get_coverage_report_as_json())["files"] for line in file["covered"]
    }
    rules = definitions(parse_module(module.file, module.text))
    starts = sorted({rule.line for rule in rules} | {module.text.count("\n") + 2})
    for rule in rules:
        if rule.name == ALLOW and rule.shape == "Compr":
            end = next(start for start in starts if start > rule.line)
            lines = reached & set(range(rule.line, end))
            yield Place(module.file, max(lines, default=rule.line))
