"""What is named is compared whole; a difference says what was expected and what came."""

from __future__ import annotations

import pytest
from small_city import OBLIGATIONS, obligation
from suite_house import results

RULES = {
    OBLIGATIONS: obligation(
        "rows = \"delay > 5 AND (origin = 'A' OR dest = 'B')\"\ncolumns = { withhold = [\"at\"] }\n"
        "row_limit = 10\n"
        'mask = { delay = { kind = "round", step = 5 } }\nwindows = [{ rows_max = 7, seconds = 60 }]'
    )
}


def differences(expect: str) -> dict[str, tuple[str, str]]:
    (result,) = results(f"- name: x\n  expect: {expect}\n", RULES)
    assert result.passed == (not result.mismatches)
    return {one.what: (one.expected, one.got) for one in result.mismatches}


@pytest.mark.parametrize(
    "expect",
    [
        "allow",
        "{ decision: allow, reason: granted }",
        "{ decision: allow, columns: [origin, dest, tailnum, delay] }",
        "{ decision: allow, hidden: [at, crew, added_yesterday] }",
        "{ decision: allow, masks: { tailnum: pseudonym, delay: { kind: round, step: 5 } } }",
        (
            "{ decision: allow, masks: { tailnum: { kind: pseudonym, scope: department:emergency/port },"
            " delay: round } }"
        ),
        "{ decision: allow, rows: delay > 5 AND (origin = 'A' OR dest = 'B') }",
        "{ decision: allow, rows: (dest = 'B' OR origin = 'A') AND delay > 5 }",
        "{ decision: allow, row_limit: 10, windows: [{ rows_max: 7, seconds: 60 }] }",
    ],
)
def test_as_expected(expect: str) -> None:
    assert differences(expect) == {}


@pytest.mark.parametrize(
    ("expect", "found"),
    [
        ("deny", {"decision": ("deny", "allow (granted)")}),
        (
            "{ decision: allow, columns: [dest, origin, tailnum, delay] }",
            {"columns": ("dest, origin, tailnum, delay", "origin, dest, tailnum, delay")},
        ),
        ("{ decision: allow, hidden: [origin, at] }", {"column origin": ("hidden", "delivered")}),
        (
            "{ decision: allow, masks: { tailnum: pseudonym } }",
            {"mask of delay": ("none", "round (step 5)")},
        ),
        (
            (
                "{ decision: allow, masks: { tailnum: pseudonym, delay: { kind: round, step: 10 },"
                " origin: redact } }"
            ),
            {"mask of delay": ("round (step 10)", "round (step 5)"), "mask of origin": ("redact", "none")},
        ),
        ("{ decision: allow, rows: all }", {"rows": ("all", None)}),
        ("{ decision: allow, rows: delay > 5 OR (origin = 'A' AND dest = 'B') }", {"rows": (None, None)}),
        ("{ decision: allow, rows: delay > 6 AND (origin = 'A' OR dest = 'B') }", {"rows": (None, None)}),
        ("{ decision: allow, row_limit: 11 }", {"row_limit": ("11", "10")}),
        ("{ decision: allow, row_limit: none }", {"row_limit": ("none", "10")}),
        ("{ decision: allow, windows: [] }", {"windows": ("none", "7 rows in 60 s")}),
    ],
)
def test_not_as_expected(expect: str, found: dict[str, tuple[str | None, str | None]]) -> None:
    got = differences(expect)
    assert got.keys() == found.keys()
    for what, (expected, came) in found.items():
        assert expected in {None, got[what][0]}
        assert came in {None, got[what][1]}


def test_another_reason_is_a_difference() -> None:
    (result,) = results(
        "- name: x\n  subject: press/desk\n  expect: { decision: deny, reason: grant-denied }\n"
    )
    assert [(one.expected, one.got) for one in result.mismatches] == [("grant-denied", "no-grant")]


def test_a_column_read_only_by_the_predicate_is_not_delivered() -> None:
    (result,) = results(
        "- name: x\n  columns: [dest]\n  where: origin = 'A'\n"
        "  expect: { decision: allow, columns: [dest], hidden: [origin] }\n"
    )
    assert result.passed
