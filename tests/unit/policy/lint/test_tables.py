"""Classifications and obligations that would not act as they read. The texts are in tests/golden."""

from __future__ import annotations

import pytest
from checked_city import changed, golden, told
from small_city import DATASETS, OBLIGATIONS, obligation

CASES = {
    "tag": changed(DATASETS, '["person-identifier"]', '["person-identfier"]'),
    "level": changed(DATASETS, '"sensitive"', '"sensibel"'),
    "unknown key": changed(DATASETS, "grade =", "grad ="),
    "sharing": changed(DATASETS, '"conditional"', '"conditionally"'),
    "column": {OBLIGATIONS: obligation('rows = "dlay > 5"')},
    "columns": {OBLIGATIONS: obligation('columns = { withhold = ["crew", "orign"] }')},
    "obl tag": {OBLIGATIONS: obligation('mask_tag = { person = { kind = "null" } }')},
    "obl purpose": {OBLIGATIONS: obligation('purposes = ["emergency"]')},
    "obl dataset": {OBLIGATIONS: obligation("").replace("port.flights", "port.flight")},
    "zero width": changed(DATASETS, "dest =", "de\u200bst ="),
    "nfc": changed(DATASETS, "航班", "Ge\u0301ne"),
    "cyrillic": {**changed(DATASETS, "dest =", '"d\u0435st" =')},
    "fullwidth": changed(DATASETS, "dest =", 'dest = { level = "public" }\n"ｄest" ='),
    "toml syntax": changed(DATASETS, "grade = ", "grade "),
    "succeeds": {OBLIGATIONS: obligation('succeeds = "nothing"')},
}
TEXTS = golden("tables")


@pytest.mark.parametrize("name", CASES)
def test_the_fault_its_place_and_its_mend(name: str) -> None:
    assert told(CASES[name]) == TEXTS[name]
