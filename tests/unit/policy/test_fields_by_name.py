"""A field is looked up as it was checked; otherwise it is undefined, and under `not` that allows."""

from __future__ import annotations

import pytest

from exchange.errors import PolicyInvalid
from exchange.policy.engines.rego_check import check_module

PACKAGE = "exchange.departments.port"


def check(body: str, package: str = PACKAGE) -> None:
    check_module("conditions.rego", f"package {package}\n{body}\n".encode(), PACKAGE)


@pytest.mark.parametrize(
    "body",
    [
        'allow if not input["subject.department"] == "press"',
        'allow if not input.subject["department.x"] == "press"',
        'allow if not input["st\\u0061te"] == "normal"',
        'allow if not input.subject["dep\\u0061rtment"] == "press"',
    ],
)
def test_t36_a_field_that_would_be_looked_up_as_another_one_is_refused(body: str) -> None:
    with pytest.raises(PolicyInvalid, match=r"conditions\.rego:2: a field's name"):
        check(body)


def test_t39_a_package_that_only_reads_like_the_departments_own_is_refused() -> None:
    with pytest.raises(PolicyInvalid, match="the package is"):
        check('allow if input.state == "x"', 'exchange["departments.port"]')


@pytest.mark.parametrize("field", ['input["state"]', "input[`state`]", 'input.subject["department"]'])
def test_a_field_in_brackets_is_a_field(field: str) -> None:
    check(f'allow if {field} == "normal"')
    check('allow if {"列": "a"}["列"] == "a"')
