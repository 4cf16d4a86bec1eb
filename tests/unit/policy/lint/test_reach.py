"""Rules that are overridden, superfluous, out of time, or reach nobody. The texts are in tests/golden."""

from __future__ import annotations

import pytest
from checked_city import added, changed, golden, told
from small_city import CITY, GRANTS, LAB, OBLIGATIONS, obligation

ALLOW = "p, role:researcher, port.flights, read, transport-research, allow\n"
STEWARD = "p, {}, port.flights, read, stewardship, {}\n"
CASES = {
    "shadow": added(GRANTS, ALLOW.replace("role:researcher", "department:research").replace("allow", "deny")),
    "shadow2": added(GRANTS, STEWARD.format(LAB, "allow") + STEWARD.format("role:researcher", "deny")),
    "redundant": added(GRANTS, ALLOW.replace("role:researcher", LAB)),
    "group redundant": added(GRANTS, "g2, port.flights, port.all\n" + ALLOW.replace("flights", "all")),
    "group nobody": added(GRANTS, "g2, port.flights, port.all\n"),
    "role unplayed": {
        **changed(CITY, "[tag]", 'lonely = { title = "无" }\n[tag]'),
        **added(GRANTS, STEWARD.format("role:lonely", "allow")),
    },
    "obl nobody": {OBLIGATIONS: obligation('subjects = ["department:press"]')},
    "obl purpose nobody": {
        OBLIGATIONS: obligation('subjects = ["role:researcher"]\npurposes = ["stewardship"]')
    },
    "expired": {OBLIGATIONS: obligation("row_limit = 5\nvalid_until = 2026-05-01T00:00:00+08:00")},
    "soon": {OBLIGATIONS: obligation("row_limit = 5\nvalid_until = 2026-06-05T00:00:00+08:00")},
    "future": {OBLIGATIONS: obligation("row_limit = 5\nvalid_from = 2026-07-01T00:00:00+08:00")},
    "never": {
        OBLIGATIONS: obligation("valid_from = {0}\nvalid_until = {0}".format("2026-07-01T00:00:00+08:00"))
    },
    "succeeded": {
        OBLIGATIONS: obligation("valid_until = 2026-05-01T00:00:00+08:00")
        + obligation('succeeds = "rule"').replace('id = "rule"', 'id = "next"')
    },
}
TEXTS = golden("reach")


@pytest.mark.parametrize("name", CASES)
def test_the_fault_its_place_and_its_mend(name: str) -> None:
    assert told(CASES[name]) == TEXTS[name]
