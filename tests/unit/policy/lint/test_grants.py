"""Lines of grants that would never match, or not as they read. The texts are in tests/golden."""

from __future__ import annotations

import pytest
from checked_city import added, changed, golden, told
from small_city import GRANTS

ALLOW = "p, role:researcher, port.flights, read, transport-research, allow\n"
CASES = {
    "effect": changed(GRANTS, "allow", "alow"),
    "action": changed(GRANTS, ", read,", ", raed,"),
    "role": changed(GRANTS, "role:first-responder", "role:first-respnder"),
    "purpose": changed(GRANTS, "emergency-response", "emergency-respons"),
    "department": added(GRANTS, "p, department:harbour, port.flights, read, stewardship, allow\n"),
    "wild subject": added(GRANTS, "p, *, port.flights, read, stewardship, allow\n"),
    "wild dataset": added(GRANTS, "p, role:researcher, port.*, read, stewardship, allow\n"),
    "wild purpose": added(GRANTS, "p, role:researcher, port.flights, read, *, allow\n"),
    "dataset": changed(GRANTS, "port.flights", "port.flihgts"),
    "foreign": changed(GRANTS, "port.flights", "weather.observations"),
    "steward": changed(GRANTS, "/system/ops", "/steward"),
    "quotes": changed(GRANTS, "role:researcher", '"role:researcher"'),
    "comment": added(GRANTS, "p, role:researcher, port.flights, read, stewardship, allow # 研究\n"),
    "chinese comma": added(GRANTS, "p，role:researcher，port.flights，read，stewardship，allow\n"),
    "fields": added(GRANTS, "p, role:researcher, port.flights, stewardship, allow\n"),
    "kind": added(GRANTS, "P, role:researcher, port.flights, read, stewardship, allow\n"),
    "g in dept": added(GRANTS, "g, department:press, role:researcher\n"),
    "repeat": added(GRANTS, ALLOW),
    "eval": added(GRANTS, "p, eval(r.sub), port.flights, read, stewardship, allow\n"),
    "group of nothing": added(
        GRANTS, "g2, port.ships, port.all\np, role:researcher, port.all, read, stewardship, allow\n"
    ),
    "group circle": added(GRANTS, "g2, port.flights, port.a\ng2, port.a, port.b\ng2, port.b, port.a\n"),
    "two in a line": added(GRANTS, "p, role:reseacher, port.flights, read, fun, alow\n"),
}
TEXTS = golden("grants")


@pytest.mark.parametrize("name", CASES)
def test_the_fault_its_place_and_its_mend(name: str) -> None:
    assert told(CASES[name]) == TEXTS[name]
