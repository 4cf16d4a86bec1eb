"""Everything that is wrong with a city's policy files, sorted by file and line."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from exchange.model.dataset import Dataset
from exchange.policy.engines.choice import ConditionEngine
from exchange.policy.engines.stewards import STEWARDS
from exchange.policy.files.faults import Faults, Severity
from exchange.policy.files.tree import PolicyTree
from exchange.policy.lint.dates import check_dates
from exchange.policy.lint.locate import Finding, Locator
from exchange.policy.lint.look_alikes import check_look_alikes
from exchange.policy.lint.reach import check_grants, check_groups, check_obligations, check_roles
from exchange.policy.lint.reading import Reading, read
from exchange.policy.lint.rego import check_rego
from exchange.policy.lint.schemas import check_schemas
from exchange.policy.lint.shadowing import Closure, check_shadowing


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found.

    Attributes:
        findings: by file, line and column.
        departments, datasets, grants: how much was read.
    """

    findings: tuple[Finding, ...]
    departments: int
    datasets: int
    grants: int

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What keeps the policy from being published."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.ERROR)


def check(
    files: PolicyTree,
    now: dt.datetime,
    schemas: Mapping[str, Dataset] | None = None,
    *,
    engine: ConditionEngine = STEWARDS,
) -> Report:
    """All faults at once.

    Args:
        files: path -> content, as `tree.read_tree` returns it.
        now: against which validity dates are judged; with its zone.
        schemas: what connectors serve, by dataset, as far as it is known.
        engine: where conditions are tried.
    """
    faults = Faults()
    reading = read(files, faults, engine)
    parts = {} if reading is None else reading.parts
    if reading is not None:
        _check_city(reading, now, schemas or {}, faults)
    locator = Locator(files)
    findings = sorted(map(locator.find, faults.found), key=lambda one: (one.file, one.line, one.column))
    return Report(
        tuple(findings),
        len(parts),
        sum(len(part.datasets) for part in parts.values()),
        sum(part.grants.count for part in parts.values()),
    )


def _check_city(reading: Reading, now: dt.datetime, schemas: Mapping[str, Dataset], faults: Faults) -> None:
    closure = Closure(reading.roles, reading.words)
    check_roles(reading, faults)
    if reading.rego is not None and reading.rego.file not in reading.faulty:
        check_rego(reading.rego, reading.words, reading.parts, faults)
    for part in reading.parts.values():
        check_look_alikes(part, faults)
        check_dates(part, now, faults)
        check_schemas(part, reading.baseline, schemas, faults)
        if reading.is_whole(part):
            check_shadowing(part, closure, faults)
            check_grants(part, reading, faults)
            check_groups(part, reading, faults)
            check_obligations(part, closure, faults)
        if part.conditions is not None and part.conditions.file not in reading.faulty:
            check_rego(part.conditions, reading.words, reading.parts, faults)
