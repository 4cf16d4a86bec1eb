"""`model.conf`: the one Casbin model whose meaning this exchange has proven.

The file is there to be read by people and by other Casbin tools. The loader accepts any layout and comments,
and refuses any other meaning: another matcher could compare by unanchored pattern, evaluate text from a
policy line, or allow where nothing matched (T24-T28).
"""

from __future__ import annotations

import re

from exchange.policy.files.faults import FIRST, Faults, Place, refused
from exchange.policy.files.source import decode

MODEL_FILE = "model.conf"
MODEL_TEXT = """\
[request_definition]
r = sub, dept, obj, act, purpose

[policy_definition]
p = sub, obj, act, purpose, eft

[role_definition]
g = _, _
g2 = _, _

[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))

[matchers]
m = (g(r.sub, p.sub) || g(r.dept, p.sub)) && g2(r.obj, p.obj) && r.act == p.act && r.purpose == p.purpose
"""
_KNOWN_UNSAFE = re.compile(r"\b(eval|keyMatch\d?|keyGet\d?|regexMatch|globMatch|ipMatch|timeMatch)\b")
_MEND = "copy model.conf from the example city; grants and conditions are where policy is written"


def check_model(content: bytes, faults: Faults = FIRST) -> str:
    """The canonical text of the model, if the file means the same.

    Raises:
        PolicyInvalid: any other meaning; names the line.
    """
    expected = _entries(MODEL_TEXT, faults)
    found = _entries(decode(MODEL_FILE, content, faults), faults)
    for key, (value, line) in found.items():
        place = Place(MODEL_FILE, line)
        if (unsafe := _KNOWN_UNSAFE.search(value)) is not None:
            faults.add(refused(place, f"`{unsafe[0]}` cannot stand in a matcher", _MEND, unsafe[0]))
        elif key not in expected or expected[key][0] != value:
            faults.add(refused(place, f"`{key[0]}` / `{key[1]}` is not the model's", _MEND))
    for key in sorted(expected.keys() - found.keys()):
        faults.add(refused(Place(MODEL_FILE, 1), f"`{key[0]}` lacks `{key[1]}`", _MEND))
    return MODEL_TEXT


def _entries(text: str, faults: Faults) -> dict[tuple[str, str], tuple[str, int]]:
    """(section, key) -> (value without blanks, line)."""
    section = ""
    entries: dict[tuple[str, str], tuple[str, int]] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            continue
        if stripped.startswith("[") and stripped.endswith("]"):
            section = stripped[1:-1].strip()
            continue
        key, equals, value = stripped.partition("=")
        place = Place(MODEL_FILE, number)
        if not equals or "#" in value or value.rstrip().endswith("\\"):
            faults.add(refused(place, "a line reads key = value", "put comments on lines of their own"))
        elif (section, key.strip()) in entries:
            faults.add(refused(place, f"`{key.strip()}` is defined twice", "remove one", key.strip()))
        else:
            entries[section, key.strip()] = ("".join(value.split()), number)
    return entries
