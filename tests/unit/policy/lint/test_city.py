"""What binds the whole city: words, roles, model, file names, unseen characters. See tests/golden."""

from __future__ import annotations

import pytest
from checked_city import added, changed, golden, told
from small_city import CITY, GRANTS, MODEL, ROLES

CASES = {
    "role circle": added(
        ROLES, "g, role:researcher, role:first-responder\ng, role:first-responder, role:researcher\n"
    ),
    "role inherit": added(ROLES, "g, department:press, department:port\n"),
    "model eval": changed(MODEL, "r.act == p.act", "eval(p.sub_rule)"),
    "model keyMatch": changed(MODEL, "g2(r.obj, p.obj)", "keyMatch(r.obj, p.obj)"),
    "model allow": changed(MODEL, "some(where (p.eft == allow)) && ", ""),
    "file name": {"departments/port/grant.csv": ""},
    "city word": changed(CITY, 'states = ["normal", "emergency"]', 'states = ["normal", "normal"]'),
    "twins": changed(CITY, "researcher = {", 'Researcher = { title = "x" }\nresearcher = {'),
    "bidi": added(GRANTS, "# 研究\u202e\n"),
}
TEXTS = golden("city")


@pytest.mark.parametrize("name", CASES)
def test_the_fault_its_place_and_its_mend(name: str) -> None:
    assert told(CASES[name]) == TEXTS[name]
