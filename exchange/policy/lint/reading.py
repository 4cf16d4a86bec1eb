"""The whole city read through its loaders, every fault gathered; what is sound is kept for other checks."""

from __future__ import annotations

from dataclasses import dataclass

from exchange.policy.bundle import BASELINE_PACKAGE, CONDITIONS_FILE
from exchange.policy.engines.choice import ConditionEngine
from exchange.policy.engines.rego_check import RegoModule, check_module
from exchange.policy.files import tree
from exchange.policy.files.baseline import BASELINE_FILE, BaselineRule, parse_baseline
from exchange.policy.files.department import DepartmentPart, load_part
from exchange.policy.files.faults import Faults, Place, Severity, refused
from exchange.policy.files.grants import ROLES_FILE, parse_roles
from exchange.policy.files.hierarchy import Hierarchy
from exchange.policy.files.model_conf import MODEL_FILE, check_model
from exchange.policy.files.tree import PolicyTree
from exchange.policy.files.vocabulary import CITY_FILE, Vocabulary, parse_city

_REVISION = 0
_CITY_HINT = "every city has city.toml, model.conf and the three files of baseline/"


@dataclass(frozen=True, slots=True)
class Reading:
    """What could be read.

    Attributes:
        files: path -> content.
        words: the vocabulary.
        roles: who plays which role.
        baseline: the city's masks and withheld columns.
        rego: the city's conditions, if they are sound.
        parts: each department's part; faulty rules are missing from it.
        faulty: files with an error in them.
    """

    files: PolicyTree
    words: Vocabulary
    roles: Hierarchy
    baseline: tuple[BaselineRule, ...]
    rego: RegoModule | None
    parts: dict[str, DepartmentPart]
    faulty: frozenset[str]

    def is_whole(self, part: DepartmentPart) -> bool:
        """Whether nothing is missing from the part, or from what it stands on: what seems unused there is."""
        folder = f"{tree.DEPARTMENTS}/{part.name}/"
        return not any(file.startswith(folder) or file in {CITY_FILE, ROLES_FILE} for file in self.faulty)


def read(files: PolicyTree, faults: Faults, engine: ConditionEngine) -> Reading | None:
    """The city; None if not even its vocabulary can be read, without which nothing else means anything.

    Every sound module is run once, on the engine.
    """
    for path in (CITY_FILE, MODEL_FILE, ROLES_FILE, BASELINE_FILE, CONDITIONS_FILE):
        if path not in files:
            faults.add(refused(Place(path, 1), "the file is missing", _CITY_HINT))
    _paths(files, faults)
    if MODEL_FILE in files:
        with faults.catching():
            check_model(files[MODEL_FILE], faults)
    rego = None
    with faults.catching():
        if CONDITIONS_FILE in files:
            rego = check_module(CONDITIONS_FILE, files[CONDITIONS_FILE], BASELINE_PACKAGE, faults)
    words = _words(files, faults)
    return None if words is None else _read(files, words, rego, faults, engine)


def _words(files: PolicyTree, faults: Faults) -> Vocabulary | None:
    if CITY_FILE in files:
        with faults.catching():
            return parse_city(files[CITY_FILE], faults)
    return None


def _read(
    files: PolicyTree, words: Vocabulary, rego: RegoModule | None, faults: Faults, engine: ConditionEngine
) -> Reading:
    roles, baseline = Hierarchy(()), tuple[BaselineRule, ...]()
    with faults.catching():
        roles = parse_roles(files.get(ROLES_FILE, b""), words, faults)
    with faults.catching():
        baseline = parse_baseline(files.get(BASELINE_FILE, b""), words, faults)
    parts = {
        name: load_part(name, tree.part(files, name), words, "", faults) for name in tree.departments(files)
    }
    _run(rego, parts, faults, engine)
    faulty = frozenset(fault.place.file for fault in faults.found if fault.severity is Severity.ERROR)
    return Reading(files, words, roles, baseline, rego, parts, faulty)


def _paths(files: PolicyTree, faults: Faults) -> None:
    for path in files:
        with faults.catching():
            tree.check_path(path)


def _run(
    rego: RegoModule | None, parts: dict[str, DepartmentPart], faults: Faults, engine: ConditionEngine
) -> None:
    """Run every sound module once: the engine finds unsafe variables only by running."""
    faulty = {fault.place.file for fault in faults.found}
    if rego is None or rego.file in faulty:
        return
    with faults.catching():
        engine.gate(rego, {}, _REVISION)
    for name, part in parts.items():
        if part.conditions is not None and part.conditions.file not in faulty:
            with faults.catching():
                engine.gate(rego, {name: part.conditions}, _REVISION)
