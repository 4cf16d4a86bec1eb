"""A city of 64 departments and 4,095 datasets whose stewards wrote as many grants as are asked for."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from exchange.policy.files.model_conf import MODEL_TEXT

DOMAIN = "scale.example"
DEPARTMENTS, DATASETS, ROLES, SYSTEMS, PURPOSES = 64, 4095, 24, 6, 16
COLUMNS = {"id": "int64", "name": "string", "place": "string", "value": "double", "at": "timestamp[us]"}
DENIED = f"purpose-{PURPOSES - 1}"
"""The one purpose that denying lines speak of; a denied allow would be a fault."""


@dataclass(frozen=True)
class Rule:
    """One line of grants."""

    subject: str
    dataset: str
    purpose: str
    effect: str

    @property
    def line(self) -> str:
        """As it stands in `grants.csv`."""
        return f"p, {self.subject}, {self.dataset}, read, {self.purpose}, {self.effect}\n"


def department(number: int) -> str:
    """A department's code."""
    return f"d{number:02d}"


def dataset(number: int) -> str:
    """A dataset's id; the datasets go round the departments."""
    return f"{department(number % DEPARTMENTS)}.t{number // DEPARTMENTS:02d}"


def systems() -> list[str]:
    """Every system's SPIFFE id."""
    return [
        f"spiffe://{department(d)}.{DOMAIN}/system/s{s}" for d in range(DEPARTMENTS) for s in range(SYSTEMS)
    ]


def roles_of(number: int) -> list[str]:
    """The roles that a department plays."""
    return [f"role:r{number % ROLES:02d}", f"role:r{(number * 7 + 3) % ROLES:02d}"]


def rules(count: int) -> Iterator[Rule]:
    """The grants: spread over all datasets; departments, roles and systems in turn; one in twenty denies."""
    subjects = [
        *(f"department:{department(d)}" for d in range(DEPARTMENTS)),
        *(f"role:r{r:02d}" for r in range(ROLES)),
        *systems(),
    ]
    random.Random(5).shuffle(subjects)  # noqa: S311 -- a spread, not a secret
    for index in range(count):
        number, turn = index % DATASETS, index // DATASETS
        subject = subjects[(turn + number * 11) % len(subjects)]
        if (index * 7 + turn) % 20 == 0:
            yield Rule(subject, dataset(number), DENIED, "deny")
        else:
            kind = ("department:", "role:", "spiffe:").index(subject.partition(":")[0] + ":")
            purpose = kind * 5 + (turn // len(subjects) + number) % 5
            yield Rule(subject, dataset(number), f"purpose-{purpose}", "allow")


def write(folder: Path, count: int) -> None:
    """The city's policy files."""
    (folder / "baseline").mkdir(parents=True)
    (folder / "model.conf").write_text(MODEL_TEXT)
    (folder / "city.toml").write_text(_city())
    (folder / "baseline/obligations.toml").write_text(_BASELINE)
    (folder / "baseline/conditions.rego").write_text(_CONDITIONS)
    links = [f"g, department:{department(d)}, {r}\n" for d in range(DEPARTMENTS) for r in roles_of(d)]
    (folder / "baseline/roles.csv").write_text("".join(links))
    lines: dict[str, list[str]] = {department(d): [] for d in range(DEPARTMENTS)}
    for rule in rules(count):
        lines[rule.dataset.partition(".")[0]].append(rule.line)
    for name, written in lines.items():
        own = folder / "departments" / name
        own.mkdir(parents=True)
        (own / "grants.csv").write_text("".join(written))
        ids = [id_ for id_ in map(dataset, range(DATASETS)) if id_.startswith(f"{name}.")]
        (own / "datasets.toml").write_text("".join(map(_dataset, ids)))
        (own / "conditions.rego").write_text(_own_conditions(name))


def _city() -> str:
    tables = [
        f'trust_domain = "{DOMAIN}"\nlevels = ["public", "internal"]\nstates = ["normal"]\n',
        *(f'[department.{department(d)}]\ntitle = "局 {d}"\n' for d in range(DEPARTMENTS)),
        *(f'[purpose.purpose-{p}]\ntitle = "用途 {p}"\n' for p in range(PURPOSES)),
        *(f'[role.r{r:02d}]\ntitle = "角色 {r}"\n' for r in range(ROLES)),
        '[tag.person]\ntitle = "个人"\n',
    ]
    return "\n".join(tables)


def _dataset(id_: str) -> str:
    columns = "".join(
        f'{name} = {{ level = "internal"{_PERSON if name == "name" else ""} }}\n' for name in COLUMNS
    )
    head = f'[dataset."{id_}"]\ntitle = "数据 {id_}"\nsharing = "unconditional"\ngrade = "general"\n'
    return f'{head}update_cycle = "daily"\n[dataset."{id_}".columns]\n{columns}\n'


def _own_conditions(name: str) -> str:
    body = 'input.state == "normal"\n\tinput.time > "2020"'
    return f"package exchange.departments.{name}\n\ndefault allow := false\n\nallow if {{\n\t{body}\n}}\n"


_PERSON = ', tags = ["person"]'

_BASELINE = """\
[[mask]]
id = "persons"
tags = ["person"]
mask = { kind = "pseudonym" }
spare_owner = true
"""

_CONDITIONS = """\
package exchange.baseline

default allow := false

allow if input.subject.kind == "system"

deny contains "not-shared" if {
	input.dataset.sharing == "none"
	input.subject.department != input.dataset.department
}
"""
