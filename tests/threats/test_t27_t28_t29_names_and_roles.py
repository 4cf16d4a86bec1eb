"""T27 a user named like a role, T28 path tricks and patterns, T29 role chains too deep or circular."""

from __future__ import annotations

import pytest
from small_city import CITY, FILES, GRANTS, REGO, ROLES, ask, files, refusal, small_city

from exchange.errors import PolicyInvalid
from exchange.model.subject import Kind, Subject
from exchange.policy.files.tree import replace_department


@pytest.mark.parametrize("name", ["role:first-responder", "department:emergency", "first-responder"])
def test_t27_a_user_named_like_a_role_is_denied(name: str) -> None:
    impostor = Subject(id=name, department="press", kind=Kind.SYSTEM, name="x")
    assert ask(small_city(), impostor).decision.reason == "no-grant"


@pytest.mark.parametrize("term", ["first-responder", "emergency", "role:firstresponder", "Role:researcher"])
def test_t27_a_subject_without_its_namespace_is_refused(term: str) -> None:
    text = refusal({GRANTS: f"p, {term}, port.flights, read, emergency-response, allow"})
    assert repr(term) in text or "is not declared" in text


def test_t27_nothing_but_a_role_can_be_inherited_from() -> None:
    text = refusal({ROLES: "g, department:press, department:emergency"})
    assert text == "baseline/roles.csv:1: 'department:emergency' is not a role"


def test_t27_a_department_cannot_hand_out_roles() -> None:
    text = refusal({GRANTS: "g, department:press, role:first-responder"})
    assert text == "departments/port/grants.csv:1: only the city defines roles"


@pytest.mark.parametrize(
    "name",
    ["port.*", "port.flights/../x", "port./flights", "*", "port.flights-.", "port.fl ights", "PORT.flights"],
)
def test_t28_a_pattern_or_path_is_no_dataset(name: str) -> None:
    text = refusal({GRANTS: f"p, role:researcher, {name}, read, transport-research, allow"})
    assert text.startswith("departments/port/grants.csv:1: ")


@pytest.mark.parametrize(
    "dataset", ["port.flights-evil", "port.flight", "port.flights.x", "evil.port.flights"]
)
def test_t28_a_longer_or_shorter_name_is_another_dataset(dataset: str) -> None:
    assert ask(small_city(), dataset=dataset).decision.public_reason == "not-granted"


@pytest.mark.parametrize("pattern", ["port", "^port", "port$", "^port|weather$", "^port\\\\$"])
def test_t28_an_unanchored_pattern_in_a_condition_is_refused(pattern: str) -> None:
    module = (
        f'package exchange.departments.port\nallow if regex.match("{pattern}", input.subject.department)\n'
    )
    assert refusal({REGO: module}) == "departments/port/conditions.rego:2: the pattern is not anchored"


def test_t28_a_pattern_that_is_not_written_out_is_refused() -> None:
    module = (
        "package exchange.departments.port\nallow if regex.match(input.purpose, input.subject.department)\n"
    )
    assert "not anchored" in refusal({REGO: module})


@pytest.mark.parametrize(
    "path",
    ["../weather/grants.csv", "/grants.csv", "cases/../grants.csv", "cases\\..\\x.yaml", "x/grants.csv"],
)
def test_t28_a_published_path_cannot_leave_the_departments_folder(path: str) -> None:
    with pytest.raises(PolicyInvalid):
        replace_department(files(), "port", {path: b""})


def _chain(length: int) -> dict[str, str]:
    roles = "".join(f'r{number} = {{ title = "r" }}\n' for number in range(length))
    links = "".join(f"g, role:r{number}, role:r{number + 1}\n" for number in range(length - 1))
    return {
        CITY: FILES[CITY].replace("[role]\n", f"[role]\n{roles}"),
        ROLES: f"{FILES[ROLES]}g, department:press, role:r0\n{links}",
        GRANTS: f"p, role:r{length - 1}, port.flights, read, emergency-response, allow\n",
    }


def test_t29_a_chain_of_ten_names_is_followed_to_its_end() -> None:
    bundle = small_city(_chain(9))
    assert ask(bundle, "spiffe://press.zhongshui.example/system/desk").decision.allowed


def test_t29_a_longer_chain_is_refused() -> None:
    assert "circular or longer than 10 names" in refusal(_chain(10))


@pytest.mark.parametrize(
    "links",
    [
        "g, role:researcher, role:researcher",
        "g, role:researcher, role:first-responder\ng, role:first-responder, role:researcher",
    ],
)
def test_t29_a_circle_is_refused(links: str) -> None:
    text = refusal({ROLES: links})
    assert text.startswith("baseline/roles.csv:")
    assert "circular" in text


def test_t29_a_circle_of_groups_is_refused() -> None:
    text = refusal({GRANTS: "g2, port.flights, port.a\ng2, port.a, port.b\ng2, port.b, port.a\n"})
    assert "circular" in text
