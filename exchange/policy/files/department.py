"""One department's part of the bundle: parsed once, kept while neither its files nor the city's change."""

from __future__ import annotations

from dataclasses import dataclass

from exchange.policy.engines.rego_check import RegoModule, check_module
from exchange.policy.files import tree
from exchange.policy.files.classification import Classified, mentioned, parse_datasets
from exchange.policy.files.faults import FIRST, Faults, Place, refused
from exchange.policy.files.grants import GrantIndex, parse_grants
from exchange.policy.files.hierarchy import Hierarchy
from exchange.policy.files.rules import ObligationRule, parse_obligations
from exchange.policy.files.vocabulary import CITY_FILE, Vocabulary


@dataclass(frozen=True, slots=True)
class DepartmentPart:
    """What one department says of its own datasets.

    Attributes:
        name: the department.
        key: digest of its files and of the city's; the same key means the same part.
        datasets: classified datasets by id.
        grants: its grants, indexed.
        obligations: by dataset.
        conditions: its Rego module, if it has one.
    """

    name: str
    key: str
    datasets: dict[str, Classified]
    grants: GrantIndex
    obligations: dict[str, tuple[ObligationRule, ...]]
    conditions: RegoModule | None


def load_part(
    name: str, files: tree.PolicyTree, words: Vocabulary, key: str, faults: Faults = FIRST
) -> DepartmentPart:
    """Parse and check a department's files.

    Raises:
        PolicyInvalid: the first thing that would fail open or never match; names file, line and mend. Nothing
            while faults are gathered: the part then holds what is sound.
    """
    folder = f"{tree.DEPARTMENTS}/{name}"
    if name not in words.departments:
        place = Place(f"{folder}/datasets.toml", 1)
        faults.add(refused(place, f"department {name!r} is not declared", f"declare it in {CITY_FILE}"))
    text = files.get("datasets.toml", b"")
    datasets: dict[str, Classified] = {}
    before = len(faults)
    with faults.catching():
        datasets = parse_datasets(
            f"{folder}/datasets.toml", text, department=name, words=words, faults=faults
        )
    described = frozenset(datasets)
    if len(faults) > before:  # who names a faulty dataset is not at fault
        described |= mentioned(text)
    grants = GrantIndex.of((), Hierarchy(()))
    with faults.catching():
        grants = parse_grants(
            f"{folder}/grants.csv",
            files.get("grants.csv", b""),
            department=name,
            datasets=described,
            words=words,
            faults=faults,
        )
    obligations: dict[str, tuple[ObligationRule, ...]] = {}
    with faults.catching():
        obligations = parse_obligations(
            f"{folder}/obligations.toml",
            files.get("obligations.toml", b""),
            datasets=datasets,
            described=described,
            grants=grants,
            words=words,
            faults=faults,
        )
    return DepartmentPart(name, key, datasets, grants, obligations, _conditions(name, files, faults))


def _conditions(name: str, files: tree.PolicyTree, faults: Faults) -> RegoModule | None:
    content = files.get("conditions.rego")
    file = f"{tree.DEPARTMENTS}/{name}/conditions.rego"
    if content is not None:
        with faults.catching():
            return check_module(file, content, f"exchange.departments.{name}", faults)
    return None
