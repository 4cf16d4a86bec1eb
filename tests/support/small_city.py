"""A city small enough to read in a test: one dataset, two consumers, and every kind of policy file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

import pytest

from exchange.errors import PolicyInvalid
from exchange.model.dataset import Column, Dataset
from exchange.model.request import ReadRequest
from exchange.model.subject import Subject
from exchange.policy.bundle import Bundle, load
from exchange.policy.decide import decide
from exchange.policy.facts import Facts, Outcome
from exchange.policy.files.model_conf import MODEL_TEXT
from exchange.policy.files.tree import PolicyTree

EXAMPLE_CITY = Path(__file__).parents[2] / "policies"
TRUST_DOMAIN = "zhongshui.example"
NOON = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)
DISPATCH = f"spiffe://emergency.{TRUST_DOMAIN}/system/dispatch"
LAB = f"spiffe://research.{TRUST_DOMAIN}/system/lab"
OPS = f"spiffe://port.{TRUST_DOMAIN}/system/ops"
DESK = f"spiffe://press.{TRUST_DOMAIN}/system/desk"

CITY = "city.toml"
MODEL = "model.conf"
ROLES = "baseline/roles.csv"
BASELINE = "baseline/obligations.toml"
BASELINE_REGO = "baseline/conditions.rego"
DATASETS = "departments/port/datasets.toml"
GRANTS = "departments/port/grants.csv"
OBLIGATIONS = "departments/port/obligations.toml"
REGO = "departments/port/conditions.rego"

FILES = {
    CITY: """
trust_domain = "zhongshui.example"
levels = ["public", "sensitive", "secret"]
states = ["normal", "emergency"]
[department]
port = { title = "港务局" }
weather = { title = "气象局" }
emergency = { title = "应急管理局" }
research = { title = "科研院" }
press = { title = "新闻办" }
[purpose.emergency-response]
title = "应急处置"
[purpose.transport-research]
title = "交通研究"
shared_pseudonyms = true
[purpose.stewardship]
title = "数据管理"
[role]
first-responder = { title = "应急响应单位" }
researcher = { title = "研究单位" }
[tag]
person-identifier = { title = "可识别到个人" }
""",
    MODEL: MODEL_TEXT,
    ROLES: "g, department:emergency, role:first-responder\ng, department:research, role:researcher\n",
    BASELINE: """
[[mask]]
id = "persons"
tags = ["person-identifier"]
mask = { kind = "pseudonym" }
spare_owner = true
[[withhold]]
id = "secrets"
from_level = "secret"
""",
    BASELINE_REGO: 'package exchange.baseline\nallow if input.subject.kind == "system"\n',
    DATASETS: """
[dataset."port.flights"]
title = "航班"
sharing = "conditional"
condition = "应急"
grade = "important"
update_cycle = "daily"
[dataset."port.flights".columns]
origin = { level = "public" }
dest = { level = "public" }
tailnum = { level = "sensitive", tags = ["person-identifier"] }
delay = { level = "public" }
at = { level = "public" }
crew = { level = "secret" }
""",
    GRANTS: f"""
p, role:first-responder, port.flights, read, emergency-response, allow
p, role:researcher, port.flights, read, transport-research, allow
p, {OPS}, port.flights, read, stewardship, allow
""",
    OBLIGATIONS: "",
}

FLIGHTS = Dataset(
    id="port.flights",
    title="flights",
    columns=(
        Column(name="origin", type="string"),
        Column(name="dest", type="string"),
        Column(name="tailnum", type="string"),
        Column(name="delay", type="double"),
        Column(name="at", type="timestamp[us]"),
        Column(name="crew", type="string"),
        Column(name="added_yesterday", type="string"),
    ),
)


def files(changes: Mapping[str, str] | None = None) -> dict[str, bytes]:
    """The city's files with some replaced or added."""
    return {path: text.encode() for path, text in {**FILES, **(changes or {})}.items()}


def small_city(changes: Mapping[str, str] | None = None, revision: int = 1) -> Bundle:
    """The city's bundle with some files replaced or added."""
    return load(files(changes), revision)


def refusal(changes: Mapping[str, str], tree: PolicyTree | None = None) -> str:
    """The text with which the loader refuses the city so changed; the test fails if it does not."""
    with pytest.raises(PolicyInvalid) as caught:
        load(files(changes) if tree is None else tree, 1)
    assert caught.value.hint, "every refusal says how to mend it"
    return caught.value.public


def ask(
    bundle: Bundle,
    subject: str | Subject = DISPATCH,
    *,
    purpose: str = "emergency-response",
    dataset: str = "port.flights",
    schema: Dataset | None = FLIGHTS,
    columns: tuple[str, ...] = (),
    where: str = "",
    row_limit: int | None = None,
    now: dt.datetime = NOON,
    state: str = "normal",
) -> Outcome:
    """One decision."""
    known = schema if schema is not None and schema.id == dataset else None
    who = subject if isinstance(subject, Subject) else Subject.parse(subject, TRUST_DOMAIN)
    request = ReadRequest(
        dataset=dataset, purpose=purpose, columns=columns, where=where, row_limit=row_limit, trace_id="0" * 32
    )
    return decide(bundle, Facts(who, known, request, "read", now, state))


def obligation(body: str) -> str:
    """An `[[obligation]]` on the flights for everyone."""
    return f'[[obligation]]\nid = "rule"\ndatasets = ["port.flights"]\n{body}\n'


def masks(outcome: Outcome) -> dict[str, str]:
    """Column -> kind of its mask, "" for none."""
    assert outcome.decision.obligations is not None, outcome.decision
    return {rule.name: rule.mask.kind if rule.mask else "" for rule in outcome.decision.obligations.columns}
