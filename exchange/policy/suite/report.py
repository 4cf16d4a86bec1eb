"""Results as text for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from exchange.policy.files.source import Place
from exchange.policy.suite.coverage import Coverage
from exchange.policy.suite.runner import Result


def failures(results: Sequence[Result], places: Mapping[str, Place]) -> Iterator[str]:
    """Each failed case: the question, what was expected and came instead, and which rules made it so."""
    for result in results:
        if result.passed:
            continue
        yield f"FAILED  {result.case.place}  {result.case.name}  [{result.engine}]"
        yield f"        {result.case.question}"
        for mismatch in result.mismatches:
            yield f"        {mismatch.what:<20} expected  {mismatch.expected or 'none'}"
            yield f"        {'':<20} got       {mismatch.got or 'none'}"
        for step in result.outcome.steps:
            rules = [str(places.get(rule, rule)) for rule in step.rules] or ([step.why] if step.why else [])
            if rules:
                mark = "" if step.passed else " STOPPED"
                yield f"        because {step.name}{mark}: {', '.join(rules)}"
        yield ""


def summary(results: Sequence[Result]) -> str:
    """How many passed and failed, on which engines."""
    engines = ", ".join(dict.fromkeys(result.engine for result in results))
    failed = sum(not result.passed for result in results)
    cases = len({id(result.case) for result in results})
    return f"{cases} cases on {engines}: {len(results) - failed} passed, {failed} failed"


def uncovered(coverage: Coverage) -> Iterator[str]:
    """What no case touches, and the share of what one does."""
    for item in coverage.untouched:
        yield f"untouched  {item.place}  {item.kind} {item.name}"
    touched = len(coverage.items) - len(coverage.untouched)
    yield f"coverage   {coverage.percent:.1f} %, {touched} of {len(coverage.items)} rules and columns"


def as_json(results: Sequence[Result], coverage: Coverage | None) -> dict[str, Any]:
    """Everything, for programs."""
    report: dict[str, Any] = {
        "ok": all(result.passed for result in results),
        "results": [_result(result) for result in results],
    }
    if coverage is not None:
        report["coverage"] = {
            "percent": round(coverage.percent, 1),
            "untouched": [
                {"kind": item.kind, "name": item.name, "file": item.place.file, "line": item.place.line}
                for item in coverage.untouched
            ],
        }
    return report


def _result(result: Result) -> dict[str, Any]:
    case = result.case
    return {
        "name": case.name,
        "file": case.place.file,
        "line": case.place.line,
        "engine": result.engine,
        "passed": result.passed,
        "question": case.question,
        "decision": result.outcome.decision.effect.value,
        "reason": result.outcome.decision.reason,
        "rules": [*result.outcome.decision.rules],
        "mismatches": [
            {"what": one.what, "expected": one.expected, "got": one.got} for one in result.mismatches
        ],
    }
