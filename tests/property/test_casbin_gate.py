"""The indexed grants gate answers like the plain pycasbin enforcer: random roles, groups, rules, requests."""

from __future__ import annotations

import casbin
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.errors import PolicyInvalid
from exchange.policy.engines import casbin_gate
from exchange.policy.engines.casbin_gate import CasbinGate
from exchange.policy.engines.protocol import GrantQuestion
from exchange.policy.files.grants import Grant, GrantIndex
from exchange.policy.files.hierarchy import Hierarchy, Link
from exchange.policy.files.model_conf import MODEL_TEXT
from exchange.policy.files.source import Place

SYSTEMS = ["spiffe://a.city/system/x", "spiffe://b.city/system/y"]
DEPARTMENTS = ["department:a", "department:b"]
ROLES = [f"role:{name}" for name in "rstuv"]
DATASETS = ["port.flights", "port.flight", "port.ships", "port.船"]
GROUPS = ["port.all", "port.open", "port.rest"]
ACTIONS = ["read", "write"]
PURPOSES = ["p", "q"]

rules = st.lists(
    st.tuples(
        st.sampled_from(SYSTEMS + DEPARTMENTS + ROLES),
        st.sampled_from(DATASETS + GROUPS),
        st.sampled_from(ACTIONS),
        st.sampled_from(PURPOSES),
        st.sampled_from(["allow", "deny"]),
    ),
    min_size=1,
    max_size=12,
)
role_links = st.lists(
    st.tuples(st.sampled_from(SYSTEMS + DEPARTMENTS + ROLES), st.sampled_from(ROLES)), max_size=8
)
group_links = st.lists(st.tuples(st.sampled_from(DATASETS + GROUPS), st.sampled_from(GROUPS)), max_size=6)
questions = st.tuples(
    st.sampled_from([*SYSTEMS, "role:r", ""]),
    st.sampled_from([*DEPARTMENTS, "department:c", ""]),
    st.sampled_from([*DATASETS, "port.all", "port.none"]),
    st.sampled_from(ACTIONS),
    st.sampled_from([*PURPOSES, ""]),
)


def _plain(
    policy: list[tuple[str, ...]], roles: list[tuple[str, str]], groups: list[tuple[str, str]]
) -> casbin.Enforcer:
    enforcer = casbin.Enforcer(casbin.Enforcer.new_model(text=MODEL_TEXT))
    enforcer.add_policies([list(rule) for rule in dict.fromkeys(policy)])
    for name, links in (("g", roles), ("g2", groups)):
        if links:
            enforcer.add_named_grouping_policies(name, [list(link) for link in dict.fromkeys(links)])
    return enforcer


def _links(pairs: list[tuple[str, str]]) -> list[Link]:
    return [Link(child, parent, Place("f", line)) for line, (child, parent) in enumerate(pairs, start=1)]


@settings(max_examples=150, deadline=None)
@given(policy=rules, roles=role_links, groups=group_links, asked=st.lists(questions, min_size=1, max_size=6))
def test_the_answer_equals_the_plain_enforcers(
    policy: list[tuple[str, ...]],
    roles: list[tuple[str, str]],
    groups: list[tuple[str, str]],
    asked: list[tuple[str, str, str, str, str]],
) -> None:
    try:
        who, what = Hierarchy(_links(roles)), Hierarchy(_links(groups))
    except PolicyInvalid:
        return  # a circle: refused at load, so there is nothing to answer
    grants = [Grant(*rule, Place("g.csv", line)) for line, rule in enumerate(policy, start=1)]
    gate = CasbinGate(MODEL_TEXT, who, {"port": GrantIndex.of(grants, what)})
    plain = _plain(policy, roles, groups)
    for question in asked:
        answer = gate.ask(GrantQuestion(*question))
        assert answer.opened == plain.enforce(*question), question
        effects = {rule.effect for rule in answer.rules}
        assert effects == ({"allow"} if answer.opened else effects & {"deny"})
    # asked again, in any order and whatever was forgotten meanwhile, it answers the same
    for question in reversed(asked):
        assert gate.ask(GrantQuestion(*question)).opened == plain.enforce(*question), question


def test_the_answers_a_gate_remembers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(casbin_gate, "ANSWERS_KEPT_MAX", 3)
    gate = CasbinGate(MODEL_TEXT, Hierarchy(()), {"port": GrantIndex.of([], Hierarchy(()))})
    for number in range(10):
        assert not gate.ask(GrantQuestion("s", "d", f"port.{number}", "read", "p")).opened
        assert len(gate._answers) <= 3
