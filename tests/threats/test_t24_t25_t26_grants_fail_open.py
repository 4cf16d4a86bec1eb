"""T24 empty policy and empty strings, T25 a misspelt effect, T26 `eval`: Casbin would allow or forget."""

from __future__ import annotations

import pytest
from small_city import DISPATCH, GRANTS, MODEL, ask, files, refusal, small_city

from exchange.model.subject import Kind, Subject
from exchange.policy.bundle import load
from exchange.policy.engines.casbin_gate import CasbinGate
from exchange.policy.engines.protocol import GrantQuestion
from exchange.policy.files.grants import GrantIndex
from exchange.policy.files.hierarchy import Hierarchy
from exchange.policy.files.model_conf import MODEL_TEXT


@pytest.mark.parametrize(
    "line", ["", "# p, role:first-responder, port.flights, read, emergency-response, allow"]
)
def test_t24_an_empty_policy_denies(line: str) -> None:
    assert ask(small_city({GRANTS: line})).decision.reason == "no-grant"


def test_t24_empty_strings_on_an_empty_policy_stay_shut() -> None:
    gate = CasbinGate(MODEL_TEXT, Hierarchy(()), {"": GrantIndex.of([], Hierarchy(()))})
    assert not gate.ask(GrantQuestion("", "", "", "", "")).opened


def test_t24_a_subject_without_identity_is_denied() -> None:
    nobody = Subject(id="", department="", kind=Kind.SYSTEM, name="")
    assert ask(small_city(), nobody).decision.public_reason == "not-granted"


@pytest.mark.parametrize("field", range(1, 5))
def test_t24_an_empty_field_in_a_grant_is_refused(field: int) -> None:
    fields = ["p", "role:researcher", "port.flights", "read", "transport-research", "allow"]
    fields[field] = ""
    assert refusal({GRANTS: ", ".join(fields)}).startswith("departments/port/grants.csv:1: ")


@pytest.mark.parametrize("effect", ["alow", "Allow", "DENY", "", "allow deny", "true"])
def test_t25_a_misspelt_effect_is_refused(effect: str) -> None:
    line = f"p, role:researcher, port.flights, read, transport-research, {effect}"
    assert refusal({GRANTS: f"\n# why\n{line}"}) == (
        f"departments/port/grants.csv:3: unknown effect {effect!r}"
    )


def test_t25_a_missing_effect_is_refused() -> None:
    text = refusal({GRANTS: "p, role:researcher, port.flights, read, transport-research"})
    assert text == "departments/port/grants.csv:1: the line has 5 fields"


@pytest.mark.parametrize("kind", ["P", "policy", "p2", "g3", "allow"])
def test_t25_an_unknown_kind_of_line_is_refused_not_dropped(kind: str) -> None:
    text = refusal({GRANTS: f"{kind}, role:researcher, port.flights, read, transport-research, deny"})
    assert text == f"departments/port/grants.csv:1: unknown kind of line {kind!r}"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("r.act == p.act", "eval(p.sub)", "`eval` cannot stand"),
        ("g2(r.obj, p.obj)", "keyMatch(r.obj, p.obj)", "`keyMatch` cannot stand"),
        ("r.act == p.act", "regexMatch(r.act, p.act)", "`regexMatch` cannot stand"),
        (" && r.purpose == p.purpose", "", "is not the model's"),
        ("some(where (p.eft == allow)) && ", "", "is not the model's"),
        ("g2 = _, _", "g2 = _, _, _", "is not the model's"),
        ("g2 = _, _", "", "lacks `g2`"),
        ("r.act == p.act", "r.act == p.act || true", "is not the model's"),
    ],
)
def test_t26_only_the_known_model_loads(old: str, new: str, said: str) -> None:
    assert said in refusal({MODEL: MODEL_TEXT.replace(old, new)})


def test_t26_layout_and_comments_of_the_model_are_free() -> None:
    spaced = MODEL_TEXT.replace("[matchers]", "# who may what\n\n[matchers]").replace(", ", " ,  ")
    assert ask(load(files({MODEL: spaced}), 1)).decision.allowed


@pytest.mark.parametrize("subject", ["eval(1 == 1)", "r.sub", f'"{DISPATCH}"'])
def test_t26_an_expression_in_a_rule_is_refused(subject: str) -> None:
    text = refusal({GRANTS: f"p, {subject}, port.flights, read, emergency-response, allow"})
    assert text.startswith("departments/port/grants.csv:1: ")
