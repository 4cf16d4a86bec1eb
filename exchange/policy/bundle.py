"""A whole city's policy under one revision: loaded aside, checked, immutable. A request sees one only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from exchange.model.dataset import Dataset
from exchange.policy.engines.casbin_gate import CasbinGate
from exchange.policy.engines.choice import HERE, ConditionEngine
from exchange.policy.engines.protocol import ConditionGate, GrantGate
from exchange.policy.engines.rego_check import RegoModule, check_module
from exchange.policy.files import tree
from exchange.policy.files.baseline import BASELINE_FILE, BaselineRule, parse_baseline
from exchange.policy.files.classification import Classified
from exchange.policy.files.department import DepartmentPart, load_part
from exchange.policy.files.grants import ROLES_FILE, parse_roles
from exchange.policy.files.hierarchy import Hierarchy
from exchange.policy.files.model_conf import MODEL_FILE, check_model
from exchange.policy.files.rules import ObligationRule
from exchange.policy.files.source import Place, refused
from exchange.policy.files.tree import PolicyTree
from exchange.policy.files.vocabulary import CITY_FILE, Vocabulary, parse_city
from exchange.policy.fitting import misfit

CONDITIONS_FILE = "baseline/conditions.rego"
BASELINE_PACKAGE = "exchange.baseline"
_CITY_HINT = "every city has city.toml, model.conf and the three files of baseline/"


@dataclass(frozen=True, slots=True)
class Bundle:
    """Everything a decision stands on.

    Attributes:
        revision: rises with every publication.
        digest: SHA-256 (hex) over all files.
        words: the declared vocabulary.
        baseline: the city's masks and withheld columns.
        roles: who plays which role, as the city says.
        rego: the city's conditions.
        parts: each department's part, by department.
        grants, conditions: the two gates.
    """

    revision: int
    digest: str
    words: Vocabulary
    baseline: tuple[BaselineRule, ...]
    roles: Hierarchy
    rego: RegoModule
    parts: Mapping[str, DepartmentPart]
    grants: GrantGate
    conditions: ConditionGate

    def classified(self, dataset: str) -> Classified | None:
        """The dataset's classification; None where policies do not speak of it."""
        part = self.parts.get(dataset.partition(".")[0])
        return None if part is None else part.datasets.get(dataset)

    def obligations(self, dataset: str) -> tuple[ObligationRule, ...]:
        """The department's obligations on the dataset."""
        part = self.parts.get(dataset.partition(".")[0])
        return () if part is None else part.obligations.get(dataset, ())


def load(
    files: PolicyTree,
    revision: int,
    schemas: Mapping[str, Dataset] | None = None,
    *,
    previous: Bundle | None = None,
    engine: ConditionEngine = HERE,
) -> Bundle:
    """The bundle that the files make.

    Args:
        files: path -> content, as `tree.read_tree` returns it.
        revision: under which it stands; at least 1.
        schemas: registered datasets by id; with them, row filters and masks are proven to fit the columns.
        previous: a bundle whose unchanged parts are taken over unparsed.
        engine: where conditions run; here, if nothing else is said.

    Raises:
        PolicyInvalid: the first thing that would fail open, never match or reach beyond its own; names file,
            line and mend.
    """
    tree.check_paths(files)
    city = {path: content for path, content in files.items() if not path.startswith(f"{tree.DEPARTMENTS}/")}
    words = parse_city(_required(files, CITY_FILE))
    model = check_model(_required(files, MODEL_FILE))
    roles = parse_roles(_required(files, ROLES_FILE), words)
    baseline = parse_baseline(_required(files, BASELINE_FILE), words)
    rego = check_module(CONDITIONS_FILE, _required(files, CONDITIONS_FILE), BASELINE_PACKAGE)
    parts = _parts(files, words, tree.digest(city), previous)
    modules = {name: part.conditions for name, part in parts.items() if part.conditions is not None}
    bundle = Bundle(
        revision=revision,
        digest=tree.digest(files),
        words=words,
        baseline=baseline,
        roles=roles,
        rego=rego,
        parts=MappingProxyType(parts),
        grants=CasbinGate(model, roles, {name: part.grants for name, part in parts.items()}),
        conditions=engine.gate(rego, modules, revision),
    )
    check_schemas(bundle, schemas or {})
    return bundle


def _parts(
    files: PolicyTree, words: Vocabulary, city: str, previous: Bundle | None
) -> dict[str, DepartmentPart]:
    known = previous.parts if previous is not None else {}
    parts = {}
    for name in tree.departments(files):
        own = tree.part(files, name)
        key = f"{city}{tree.digest(own)}"
        kept = known.get(name)
        parts[name] = kept if kept is not None and kept.key == key else load_part(name, own, words, key)
    return parts


def _required(files: PolicyTree, path: str) -> bytes:
    if path not in files:
        raise refused(Place(path, 1), "the file is missing", _CITY_HINT)
    return files[path]


def check_schemas(bundle: Bundle, schemas: Mapping[str, Dataset]) -> None:
    """Prove that row filters and masks fit the registered columns, so that no decision is impossible later.

    Raises:
        PolicyInvalid: names the rule and what does not fit.
    """
    for id_, dataset in schemas.items():
        for rule in bundle.obligations(id_):
            if why := misfit(rule.demand, dataset, bundle.classified(id_)):
                raise refused(rule.place, why, "mend the rule, or ask what the connector registered")
