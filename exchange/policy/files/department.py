"""One department's part of the bundle: parsed once, kept while neither its files nor the city's change."""

from __future__ import annotations

from dataclasses import dataclass

from exchange.policy.engines.rego_check import RegoModule, check_module
from exchange.policy.files import tree
from exchange.policy.files.classification import Classified, parse_datasets
from exchange.policy.files.grants import GrantIndex, parse_grants
from exchange.policy.files.rules import ObligationRule, parse_obligations
from exchange.policy.files.source import Place, refused
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


def load_part(name: str, files: tree.PolicyTree, words: Vocabulary, key: str) -> DepartmentPart:
    """Parse and check a department's files.

    Raises:
        PolicyInvalid: the first thing that would fail open or never match; names file, line and mend.
    """
    folder = f"{tree.DEPARTMENTS}/{name}"
    if name not in words.departments:
        place = Place(f"{folder}/datasets.toml", 1)
        raise refused(place, f"department {name!r} is not declared", f"declare it in {CITY_FILE}")
    datasets = parse_datasets(
        f"{folder}/datasets.toml", files.get("datasets.toml", b""), department=name, words=words
    )
    grants = parse_grants(
        f"{folder}/grants.csv",
        files.get("grants.csv", b""),
        department=name,
        datasets=frozenset(datasets),
        words=words,
    )
    obligations = parse_obligations(
        f"{folder}/obligations.toml",
        files.get("obligations.toml", b""),
        datasets=datasets,
        grants=grants,
        words=words,
    )
    rego = files.get("conditions.rego")
    file, package = f"{folder}/conditions.rego", f"exchange.departments.{name}"
    conditions = None if rego is None else check_module(file, rego, package)
    return DepartmentPart(name, key, datasets, grants, obligations, conditions)
