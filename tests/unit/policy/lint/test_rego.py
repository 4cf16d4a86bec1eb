"""Conditions that would fail open, never match, or read the host. The texts are in tests/golden."""

from __future__ import annotations

import pytest
from checked_city import RULES, golden, told
from small_city import REGO

CASES = {
    "rego anchor": {REGO: RULES + 'allow if regex.match("port", input.dataset.id)\n'},
    "rego function": {REGO: RULES + "allow if io.jwt.decode(input.purpose)\n"},
    "rego host": {REGO: RULES + "allow if not opa.runtime().env.X\n"},
    "rego input": {REGO: RULES + 'allow if not input.subject.departmnt == "press"\n'},
    "rego alow": {REGO: RULES + 'alow if true\nallow if input.action == "read"\n'},
    "rego purpose": {REGO: RULES + 'allow if input.purpose != "emergency-respose"\n'},
    "rego in": {REGO: RULES + 'allow if input.state in {"normal", "emergancy"}\n'},
    "rego role": {REGO: RULES + 'allow if "reseacher" in input.subject.roles\n'},
    "rego wild": {REGO: RULES + 'allow if input.dataset.id == "port.*"\n'},
    "rego not elem": {REGO: RULES + 'allow if not input.columns[3] == "crew"\n'},
    "rego not fn": {REGO: RULES + "allow if not to_number(input.purpose) > 3\n"},
    "rego not rule": {REGO: RULES + 'allow if not blocked\nblocked if input.state == "emergency"\n'},
    "rego col": {
        REGO: RULES + 'allow if true\nobligations contains {"id": "x", "columns": {"withhold": ["crw"]}}\n'
    },
    "rego unsafe": {REGO: RULES + "allow if not blockd\n"},
    "rego syntax": {REGO: RULES + "allow if {\n"},
}
TEXTS = golden("rego")


@pytest.mark.parametrize("name", CASES)
def test_the_fault_its_place_and_its_mend(name: str) -> None:
    assert told(CASES[name]) == TEXTS[name]
